import { HoldfastError } from "@holdfast/core";

const defaultPort = 6420;

/** HOLDFAST_PORT, or 6420. Throws `gateway.invalid_port`. */
export function portFromEnvironment(fallback = defaultPort): number {
  const text = process.env["HOLDFAST_PORT"];
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new HoldfastError("gateway", "invalid_port", "HOLDFAST_PORT is not a number from 0 to 65535");
}

/** A variable that is set and not empty. */
export function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}

/** True for "1", "true" and "yes". */
export function flag(name: string): boolean {
  return /^(1|true|yes)$/i.test(variable(name) ?? "");
}
