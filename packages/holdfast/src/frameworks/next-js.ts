export { type NextHandlers, type RouteHandler, toNextHandler } from "@holdfast/server/next";
