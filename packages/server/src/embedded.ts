/** The parts of a host on another platform than Node: actors in memory, the gateway over `fetch`, connections. */
export { ClusterDriver } from "./cluster/forwarding/cluster-driver.ts";
export { Directory, type DirectoryOptions, type RemoteActors } from "./directory/directory.ts";
export { accessInfo, onAccessChange, withoutSignal } from "./gateway/access-info.ts";
export { authenticate } from "./gateway/auth.ts";
export { Gateway } from "./gateway/gateway.ts";
export { urlOf, visibleError } from "./gateway/http/exchange.ts";
export { fetchGateway } from "./gateway/http/fetch.ts";
export { problemResponse } from "./gateway/http/problem-response.ts";
export type { GatewayOptions } from "./gateway/options.ts";
export { resumePointOf } from "./gateway/resume-point.ts";
export { localPath, parseRoute, type Route, routeNotFound } from "./gateway/route.ts";
export { addressOf } from "./internal/addresses.ts";
export { type MessageLimits, serverLimits } from "./limits.ts";
export { LocalDriver } from "./local/local-driver.ts";
export { RawSession, type RawWire, socketPrefix } from "./sessions/raw-session.ts";
export { Session } from "./sessions/session.ts";
export type { KeptSession, SessionOutput } from "./sessions/types.ts";
