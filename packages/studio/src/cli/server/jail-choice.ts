/** Commands about the server: start, doctor, agents, backup, links. */
import { UsageError } from "@holdfast/cli";
import { type ConfiningDriverName, defaultJailDriver, jailDriverNames } from "@holdfast/gate";
import type { StudioOptions } from "@holdfast/studio";

/** Options of commands that may start a Studio: what its agents run in. */
export const jailOptions = {
  driver: { type: "string" },
  "engine-socket": { type: "string" },
  "unsafe-no-jail": { type: "boolean" },
} as const;

/** Their lines in the help of a command. */
export const jailUsage = `  --driver NAME      what makes the jails: ${jailDriverNames.join(", ")}
                     (default: HOLDFAST_JAIL_DRIVER or ${defaultJailDriver()})
  --engine-socket PATH
                     where podman or docker answers (default: HOLDFAST_ENGINE_SOCKET or its usual place)
  --unsafe-no-jail   run agents without a jail, with your rights; shown wherever a task is shown`;

/** What agents of a Studio run in, as a person has chosen it. */
export type JailChoice = Required<Pick<StudioOptions, "jails" | "unsafeNoJail">>;

interface JailValues {
  readonly driver?: string | undefined;
  readonly "engine-socket"?: string | undefined;
  readonly "unsafe-no-jail"?: boolean | undefined;
}

/** Throws a `UsageError` for a driver that there is not, and for a driver beside none. */
export function jailChoice(values: JailValues = {}): JailChoice {
  const unsafeNoJail = values["unsafe-no-jail"] === true;
  if (unsafeNoJail && values.driver !== undefined) {
    throw new UsageError("--driver says what makes jails, and --unsafe-no-jail that there are none");
  }
  const engineSocket = engineSocketOf(values["engine-socket"]);
  return {
    unsafeNoJail,
    jails: { driver: driverOf(values.driver), ...(engineSocket === undefined ? {} : { engineSocket }) },
  };
}

/** The driver that is asked for. Throws a `UsageError` for what is none. */
export function driverOf(given: string | undefined): ConfiningDriverName {
  const name = given ?? (process.env["HOLDFAST_JAIL_DRIVER"] || defaultJailDriver());
  const known = jailDriverNames.find((each) => each === name);
  if (known !== undefined) return known;
  const option = given === undefined ? "HOLDFAST_JAIL_DRIVER" : "--driver";
  throw new UsageError(`${option} is one of ${jailDriverNames.join(", ")}`);
}

/** Where the container engine answers, if that was said. */
export function engineSocketOf(given: string | undefined): string | undefined {
  return given ?? (process.env["HOLDFAST_ENGINE_SOCKET"] || undefined);
}
