import { HoldfastError } from "@holdfast/core";
import type { Guarantee, GuaranteeName, JailSpec } from "./jail.ts";
import { limitsDiskIo } from "./resources/disk-throttling.ts";

/** Demanded of every jail unless its spec says otherwise. The limits depend on the machine. */
export const demandedGuarantees: readonly GuaranteeName[] = [
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

/** Needed for what `spec` asks for, whatever it requires: nothing has such bounds by default. */
export function impliedGuarantees({ limits }: JailSpec): readonly GuaranteeName[] {
  return limitsDiskIo(limits) ? ["limits.io"] : [];
}

/** Throws `jail.missing_guarantee` unless all that `spec` needs is among what the self-test proved. */
export function checkGuarantees(spec: JailSpec, guarantees: readonly Guarantee[]): void {
  const held = new Set(guarantees.filter((each) => each.held).map((each) => each.name));
  const needed = new Set([...(spec.requires ?? demandedGuarantees), ...impliedGuarantees(spec)]);
  const missing = [...needed].filter((name) => !held.has(name));
  if (missing.length === 0) return;
  throw new HoldfastError(
    "jail",
    "missing_guarantee",
    `This machine's jails do not guarantee ${missing.join(", ")}; the jail is not started`,
    { statusCode: 503, metadata: { missing } },
  );
}

/** A driver without all of what is demanded by default is not used. Throws `jail.unavailable`. */
export function checkSelfTest(guarantees: readonly Guarantee[]): void {
  const broken = guarantees.filter((each) => !each.held && demandedGuarantees.includes(each.name));
  if (broken.length === 0) return;
  throw new HoldfastError(
    "jail",
    "unavailable",
    `The jails of this machine do not hold: ${broken.map((each) => `${each.name} (${each.detail})`).join(", ")}`,
    { statusCode: 503, metadata: { broken } },
  );
}
