/** A NATS server for tests, from Debian's package, on loopback. */
export { type NatsServer, type NatsServerOptions, startNats } from "./nats-server.ts";
