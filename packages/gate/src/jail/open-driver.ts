import { isErrorCode } from "@holdfast/core";
import type { GateConfig } from "../config.ts";
import { AppleContainerDriver } from "./apple/apple-container-driver.ts";
import { BubblewrapDriver } from "./bubblewrap/bubblewrap-driver.ts";
import { EngineDriver } from "./engine/engine-driver.ts";
import { checkSelfTest } from "./guarantees.ts";
import { GvisorDriver } from "./gvisor/gvisor-driver.ts";
import type { JailDriver, JailDriverName } from "./jail.ts";
import { LateProofDriver } from "./late-proof-driver.ts";
import { gateIdOf } from "./orphans.ts";
import { UnavailableDriver } from "./unavailable-driver.ts";
import { UnsafeDriver } from "./unsafe-driver.ts";

export interface OpenedDriver {
  readonly driver: JailDriver;
  readonly orphansEnded: number;
}

type JailsConfig = NonNullable<GateConfig["jails"]>;

/**
 * Opens the driver that `config` names: ends the jails of a killed gate, and proves the guarantees, unless `proof` is
 * "first-jail".
 * Throws `jail.unsafe_not_allowed`, and `jail.unavailable` unless `whenUnavailable` is "refuse": then it gives a driver
 * that refuses each start with that error.
 */
export async function openDriver(config: JailsConfig, directory: string): Promise<OpenedDriver> {
  const name = config.driver ?? defaultJailDriver();
  try {
    const driver = await make(name, config, directory);
    try {
      const orphansEnded = await driver.endOrphans();
      if (driver.unsafe) return { driver, orphansEnded };
      if (config.proof === "first-jail") return { driver: new LateProofDriver(driver), orphansEnded };
      checkSelfTest((await driver.selfTest()).guarantees);
      return { driver, orphansEnded };
    } catch (error) {
      await driver.close();
      throw error;
    }
  } catch (error) {
    if (config.whenUnavailable !== "refuse" || !isErrorCode(error, "jail", "unavailable")) throw error;
    return { driver: new UnavailableDriver(name, error), orphansEnded: 0 };
  }
}

/** The driver by default: the one that this platform supports. */
export function defaultJailDriver(
  platform: NodeJS.Platform = process.platform,
): "apple-container" | "bubblewrap" {
  return platform === "darwin" ? "apple-container" : "bubblewrap";
}

async function make(name: JailDriverName, config: JailsConfig, directory: string): Promise<JailDriver> {
  switch (name) {
    case "bubblewrap":
      return new BubblewrapDriver({
        directory,
        ...(config.bwrapPath === undefined ? {} : { bwrapPath: config.bwrapPath }),
        ...(config.proofFile === undefined ? {} : { proofFile: config.proofFile }),
      });
    case "gvisor":
      return new GvisorDriver({
        directory,
        ...(config.runscPath === undefined ? {} : { runscPath: config.runscPath }),
      });
    case "podman":
    case "docker":
      return new EngineDriver(name, {
        directory,
        ...(config.engineSocket === undefined ? {} : { socketPath: config.engineSocket }),
      });
    case "apple-container":
      return new AppleContainerDriver({
        directory,
        ...(config.containerPath === undefined ? {} : { containerPath: config.containerPath }),
        ...(config.containerImage === undefined ? {} : { image: config.containerImage }),
      });
    case "none":
      return new UnsafeDriver({ allowUnsafe: config.allowUnsafe === true, gateId: gateIdOf(directory) });
  }
}
