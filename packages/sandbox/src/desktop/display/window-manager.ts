import type { Managed } from "../../processes/managed.ts";
import { runtimeFailed } from "../errors.ts";
import type { XConnection } from "../x/connection.ts";
import type { Launcher } from "./launcher.ts";
import { lastLine, outputOf } from "./x-server.ts";

/** How long openbox may take until it manages windows. */
const startTimeoutMs = 10_000;

/** Starts openbox, and again when it fails. Resolves when it manages the windows of the display. */
export async function startWindowManager(launcher: Launcher, connection: XConnection): Promise<Managed> {
  const check = await connection.atom("_NET_SUPPORTING_WM_CHECK");
  const announced = connection.nextEvent(
    ({ name, wid, atom }) => name === "PropertyNotify" && wid === connection.root && atom === check,
    startTimeoutMs,
  );
  const process = await launcher.start("openbox", ["--sm-disable"], { restarts: true });
  if ((await announced) !== undefined) return process;
  throw runtimeFailed(`openbox was not ready after ${startTimeoutMs} ms: ${lastLine(outputOf(process))}`);
}
