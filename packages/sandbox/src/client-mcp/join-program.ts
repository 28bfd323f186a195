/**
 * Source of the program that agents start as an MCP server: it joins its standard streams to the server's socket, byte
 * for byte. CommonJS and without imports of the project, so that any Node runs it as a single file.
 */
export const joinProgram = `"use strict";
const { connect } = require("node:net");
const socket = connect({ path: process.env.HOLDFAST_MCP_SOCKET });
socket.once("connect", () => {
  socket.write(process.env.HOLDFAST_MCP_KEY + "\\n");
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});
socket.once("error", (error) => {
  console.error("The sandbox server cannot be reached (" + error.code + ")");
  process.exit(1);
});
socket.once("close", () => process.exit(0));
`;
