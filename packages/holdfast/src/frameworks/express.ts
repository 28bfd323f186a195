/** Adapters for web frameworks, each an entry point of the package. @module */
export { attachWebSockets, type NodeMiddleware, toExpressHandler } from "@holdfast/server/express";
