// JSSE as a peer: as peer.go.
import java.io.*;
import java.net.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.*;

public class Peer {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("server")) serve(args[1], args[2]);
        else ask(Integer.parseInt(args[1]), args[2], Integer.parseInt(args[3]));
    }

    static void serve(String cert, String key) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("server", privateKey(key), new char[0], new Certificate[] {certificate(cert)});
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        ServerSocket server = context.getServerSocketFactory().createServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        System.out.println("version " + System.getProperty("java.version"));
        System.out.println("port " + server.getLocalPort());
        for (;;) {
            SSLSocket socket = (SSLSocket) server.accept();
            new Thread(() -> echo(socket)).start();
        }
    }

    static void echo(SSLSocket socket) {
        try (socket) {
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[16384];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) out.write(buffer, 0, n);
            out.write("bye".getBytes());
        } catch (IOException ignored) {
            // The other end tells what it saw.
        }
    }

    static void ask(int port, String ca, int count) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setCertificateEntry("ca", certificate(ca));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        for (int i = 0; i < count; i++) {
            SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(new Socket("127.0.0.1", port), "localhost", port, true);
            for (String word : new String[] {"hello", "again"}) {
                socket.getOutputStream().write(word.getBytes());
                socket.getInputStream().readNBytes(word.length());
            }
            socket.shutdownOutput();
            System.out.println("rest " + new String(socket.getInputStream().readAllBytes()));
            socket.close();
        }
    }

    static Certificate certificate(String path) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(path))) {
            return CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    static PrivateKey privateKey(String path) throws Exception {
        String text = Files.readString(Path.of(path)).replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }
}
