/**
 * The least a Node server can do in this protocol: read to the end of the request, answer, close. What a daemon in
 * Node is measured against; its first argument is the socket's path.
 */
import { createServer } from 'node:net';

const ANSWER = Buffer.from('0\0default=True type=int 400');

createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('data', () => {});
  socket.on('end', () => socket.end(ANSWER));
  socket.on('error', () => socket.destroy());
}).listen(process.argv[2] ?? '', () => process.send?.('listening'));
