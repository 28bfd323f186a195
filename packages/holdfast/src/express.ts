export { attachWebSockets, type NodeMiddleware, toExpressHandler } from "@holdfast/server/express";
