# Descriptor 3 is a TCP socket, stdin the struct tls12_crypto_info_* of what it sends. There is no TLS library in this program.
import socket, sys

SOL_TLS, TLS_TX, TLS_SET_RECORD_TYPE, TCP_ULP = 282, 1, 1, 31
ALERT, CLOSE_NOTIFY = 21, bytes([1, 0])

connection = socket.socket(fileno=3)
connection.settimeout(30)
connection.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
connection.setsockopt(SOL_TLS, TLS_TX, sys.stdin.buffer.read())

with open(__file__, "rb") as file:
    print("send.py: sent", connection.sendfile(file), "bytes of itself")
connection.sendmsg([CLOSE_NOTIFY], [(SOL_TLS, TLS_SET_RECORD_TYPE, bytes([ALERT]))])
