import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isHoldfastError } from "@holdfast/core";
import type { GateConfig } from "../config.ts";
import type { Guarantee, JailDriverName } from "./jail.ts";
import { openDriver } from "./open-driver.ts";

/** Every driver that confines. */
export const jailDriverNames = [
  "bubblewrap",
  "podman",
  "docker",
  "gvisor",
  "apple-container",
] as const satisfies JailDriverName[];

/** One of {@link jailDriverNames}. */
export type ConfiningDriverName = (typeof jailDriverNames)[number];

/** The guarantees of one driver on this machine, or why it cannot make jails here. */
export interface DriverReport {
  readonly name: ConfiningDriverName;
  readonly guarantees: readonly Guarantee[];
  /** Why it cannot make jails here, and what to do about it. */
  readonly refusal?: string;
}

/** Runs the self-test of each driver in throwaway jails, a second or two each. */
export async function probeDrivers(
  names: readonly ConfiningDriverName[],
  config: Omit<NonNullable<GateConfig["jails"]>, "driver" | "whenUnavailable"> = {},
): Promise<DriverReport[]> {
  const reports: DriverReport[] = [];
  // One after the other, since a busy machine would distort the measurements.
  for (const name of names) reports.push(await probe(name, config));
  return reports;
}

async function probe(
  name: ConfiningDriverName,
  config: NonNullable<GateConfig["jails"]>,
): Promise<DriverReport> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-probe-"));
  try {
    const { driver } = await openDriver({ ...config, driver: name }, directory);
    const { guarantees } = driver;
    await driver.close();
    return { name, guarantees };
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return { name, guarantees: [], refusal: error.message };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
