import { once } from 'node:events';
import http from 'node:http';
import { metricsPage } from '../metrics/metrics-page.ts';

/** Serves the numbers of this process's connections for Prometheus, on the loopback interface. Rejects when it cannot listen. */
export async function startMetrics(port: number): Promise<{ readonly url: string; close(): void }> {
  const page = metricsPage();
  const server = http.createServer(({ method, url }, response) => {
    const status = url !== '/metrics' ? 404 : method !== 'GET' ? 405 : 200;
    response.writeHead(status, { 'content-type': page.contentType, 'cache-control': 'no-store' });
    response.end(status === 200 ? page.text() : undefined);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const listening = address !== null && typeof address !== 'string' ? address.port : port;
  return {
    url: `http://127.0.0.1:${listening}/metrics`,
    close() {
      page.stop();
      server.close();
      server.closeAllConnections();
    },
  };
}
