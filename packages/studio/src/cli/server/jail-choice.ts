/** Command-line options for jails. */
import { UsageError } from "@holdfast/cli";
import { type ConfiningDriverName, defaultJailDriver, jailDriverNames } from "@holdfast/gate";
import type { StudioOptions } from "@holdfast/studio";

/** Jail options of commands that may start a Studio. */
export const jailOptions = {
  driver: { type: "string" },
  "engine-socket": { type: "string" },
  "unsafe-no-jail": { type: "boolean" },
} as const;

/** Help text of the jail options. */
export const jailUsage = `  --driver NAME      jail driver: ${jailDriverNames.join(", ")}
                     (default: HOLDFAST_JAIL_DRIVER or ${defaultJailDriver()})
  --engine-socket PATH
                     socket of podman or docker (default: HOLDFAST_ENGINE_SOCKET or the engine's default)
  --unsafe-no-jail   run agents without a jail, with your permissions; every task shows this`;

/** The user's choice of isolation for the agents of a Studio. */
export type JailChoice = Required<Pick<StudioOptions, "jails" | "unsafeNoJail">>;

interface JailValues {
  readonly driver?: string | undefined;
  readonly "engine-socket"?: string | undefined;
  readonly "unsafe-no-jail"?: boolean | undefined;
}

/** Throws a `UsageError` for an unknown driver, and for a driver together with `--unsafe-no-jail`. */
export function parseJailChoice(values: JailValues = {}): JailChoice {
  const unsafeNoJail = values["unsafe-no-jail"] === true;
  if (unsafeNoJail && values.driver !== undefined) {
    throw new UsageError("--driver and --unsafe-no-jail exclude each other");
  }
  const engineSocket = parseEngineSocket(values["engine-socket"]);
  return {
    unsafeNoJail,
    jails: { driver: parseDriver(values.driver), ...(engineSocket === undefined ? {} : { engineSocket }) },
  };
}

/** The requested driver. Throws a `UsageError` for an unknown one. */
export function parseDriver(value: string | undefined): ConfiningDriverName {
  const name = value ?? (process.env["HOLDFAST_JAIL_DRIVER"] || defaultJailDriver());
  const driver = jailDriverNames.find((each) => each === name);
  if (driver !== undefined) return driver;
  const option = value === undefined ? "HOLDFAST_JAIL_DRIVER" : "--driver";
  throw new UsageError(`${option} must be one of ${jailDriverNames.join(", ")}`);
}

/** Socket of the container engine, if specified. */
export function parseEngineSocket(value: string | undefined): string | undefined {
  return value ?? (process.env["HOLDFAST_ENGINE_SOCKET"] || undefined);
}
