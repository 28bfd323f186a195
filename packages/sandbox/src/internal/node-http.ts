/**
 * `node:http` as it is by itself. An import of it reads all its exports, and one of them is made by
 * loading a fetch client with HTTP/2, TLS and web streams: 14 MB and 60 ms that no server here uses.
 */
const http = process.getBuiltinModule("node:http");

export const { createServer, get, request, STATUS_CODES } = http;
