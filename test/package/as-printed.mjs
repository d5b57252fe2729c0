// Loaded before a program of the documents: its server listens on a port that is free, and the test is told which one.
import net from 'node:net';

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function listenWhereFree(port, ...rest) {
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return Reflect.apply(listen, this, [port === 8443 ? 0 : port, ...rest]);
};
process.channel?.unref();
