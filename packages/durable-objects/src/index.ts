/** Actors on Cloudflare Workers: each lives in a Durable Object. */
export { type ActorObject, createHandler, type Handler } from "./handler.ts";
export { durableObjectLimits, platformLimits } from "./limits.ts";
export type { ObjectState } from "./platform.ts";
export type { ActorRegistry, HandlerGatewayOptions, HandlerOptions } from "./settings.ts";
