export { toFastifyPlugin } from "@holdfast/server/fastify";
