import { HoldfastError } from "@holdfast/core";
import type { Guarantee, GuaranteeName, JailSpec } from "./jail.ts";
import { limitsDiskIo } from "./resources/disk-throttling.ts";

/** Required of every jail by default: all but the limits, which depend on the machine. */
export const requiredGuarantees: readonly GuaranteeName[] = [
  "network.none",
  "filesystem.read_only_root",
  "filesystem.mounts_only",
  "processes.hidden",
  "privileges.none",
  "namespaces.sealed",
  "syscalls.filtered",
  "environment.exact",
  "descriptors.closed",
  "processes.all_stopped",
];

/** Guarantees that the limits of `spec` need, whatever it requires. */
export function impliedGuarantees({ limits }: JailSpec): readonly GuaranteeName[] {
  return limitsDiskIo(limits) ? ["limits.io"] : [];
}

/** Throws `jail.missing_guarantee` unless the self-test proved all that `spec` needs. */
export function checkGuarantees(spec: JailSpec, guarantees: readonly Guarantee[]): void {
  const held = new Set(guarantees.filter((each) => each.held).map((each) => each.name));
  const needed = new Set([...(spec.requires ?? requiredGuarantees), ...impliedGuarantees(spec)]);
  const missing = [...needed].filter((name) => !held.has(name));
  if (missing.length === 0) return;
  throw new HoldfastError(
    "jail",
    "missing_guarantee",
    `The jail was not started: the jails of this machine do not guarantee ${missing.join(", ")}. See holdfast doctor`,
    { statusCode: 503, metadata: { missing } },
  );
}

/** Refuses a driver that does not hold all guarantees that are required by default. Throws `jail.unavailable`. */
export function checkSelfTest(guarantees: readonly Guarantee[]): void {
  const broken = guarantees.filter((each) => !each.held && requiredGuarantees.includes(each.name));
  if (broken.length === 0) return;
  throw new HoldfastError(
    "jail",
    "unavailable",
    `The jails of this machine do not hold: ${broken.map((each) => `${each.name} (${each.detail})`).join(", ")}`,
    { statusCode: 503, metadata: { broken } },
  );
}
