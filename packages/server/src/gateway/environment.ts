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
