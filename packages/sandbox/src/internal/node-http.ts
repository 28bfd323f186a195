/**
 * `node:http` without the cost of an import. An import reads all exports, and one of them lazily loads a fetch
 * client with HTTP/2, TLS and web streams: 14 MB and 60 ms that no server here needs.
 */
const http = process.getBuiltinModule("node:http");

export const { createServer, get, request, STATUS_CODES } = http;
