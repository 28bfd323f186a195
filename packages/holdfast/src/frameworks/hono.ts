export { attachWebSockets, toHonoHandler } from "@holdfast/server/hono";
