/** Listening, signals, environment and process metrics. */
import { HoldfastError } from "@holdfast/core";

const defaultPort = 6420;

/** HOLDFAST_PORT, or 6420. Throws `gateway.invalid_port`. */
export function portFromEnvironment(fallback = defaultPort, name = "HOLDFAST_PORT"): number {
  const text = process.env[name];
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new HoldfastError("gateway", "invalid_port", `${name} is not a number from 0 to 65535`);
}

/** HOLDFAST_EXPOSE_ERRORS=1 and NODE_ENV=development let callers see the message of every error. */
export function exposesErrors(): boolean {
  const named = process.env["HOLDFAST_EXPOSE_ERRORS"];
  if (named !== undefined) return named === "1" || named === "true";
  return process.env["NODE_ENV"] === "development";
}

/** HOLDFAST_SLOW_CALL_MS: calls that take at least so long are logged. Throws `gateway.invalid_config`. */
export function slowCallMs(): number | undefined {
  const text = process.env["HOLDFAST_SLOW_CALL_MS"];
  if (text === undefined || text === "") return undefined;
  const ms = Number(text);
  if (Number.isInteger(ms) && ms > 0) return ms;
  const message = `HOLDFAST_SLOW_CALL_MS is "${text}": it is a number of milliseconds above 0`;
  throw new HoldfastError("gateway", "invalid_config", message);
}
