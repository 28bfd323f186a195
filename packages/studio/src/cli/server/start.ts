import type { ControlServer } from "@holdfast/cli";
import {
  cliLogger,
  dataDirectoryOf,
  noArguments,
  parse,
  portOf,
  prepareDataDirectory,
  UsageError,
} from "@holdfast/cli";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import { createStudio, type StudioOptions, servesTasks } from "@holdfast/studio";
import { demoTeamOptions, demoTeamUsage, startDemoTeam } from "../demo-team/demo-team.ts";
import { jailOptions, jailUsage, parseJailChoice } from "./jail-choice.ts";
import { nodeOptions, nodeUsage, parseNode } from "./node-options.ts";
import { serveOwner } from "./owner.ts";
import { prepareJails } from "./prerequisites.ts";
import { signInOptions } from "./sign-in-options.ts";

export const startUsage = `holdfast start [options]

Starts the Studio and prints the link to open. It sends mails if HOLDFAST_SMTP_URL and
HOLDFAST_SMTP_FROM are set. It sells plans only if HOLDFAST_STRIPE_KEY is set: see
docs/how-to/charge-for-it.md.

  --port PORT        TCP port (default: HOLDFAST_PORT or 6420)
  --host HOST        address to listen on (default: 127.0.0.1), and to use in links;
                     0.0.0.0: all addresses of this machine, for everyone with a link
${jailUsage}
${nodeUsage}
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --people           people with accounts: by invitation, with roles; see docs/how-to/work-as-a-team.md;
  --origin URL       where people open it, if a proxy is in front: https://studio.example.org
                     (default: HOLDFAST_ORIGIN or none)
  --preview-origin URL
                     host names of previews, if the browser is on another machine:
                     https://*.preview.example.org (default: HOLDFAST_PREVIEW_ORIGIN or none)
  --trust-proxy      limit attempts to sign in by the address that the proxy adds to X-Forwarded-For
${demoTeamUsage}
  --json             print the link as JSON`;

const defaultPort = 6420;

export async function startCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    port: { type: "string" },
    people: { type: "boolean" },
    origin: { type: "string" },
    "preview-origin": { type: "string" },
    "trust-proxy": { type: "boolean" },
    host: { type: "string" },
    ...jailOptions,
    ...nodeOptions,
    ...demoTeamOptions,
  });
  if (values.help === true) {
    console.log(startUsage);
    return 0;
  }
  noArguments(positionals);
  // Node would listen on all addresses.
  if (values.host === "") throw new UsageError("--host is empty");
  const port = portOf(values.port ?? (process.env["HOLDFAST_PORT"] || undefined), defaultPort);
  const origin = values.origin ?? process.env["HOLDFAST_ORIGIN"];
  const previewOrigin = values["preview-origin"] ?? process.env["HOLDFAST_PREVIEW_ORIGIN"];
  const choice = parseJailChoice(values);
  const node = parseNode(values);
  if (servesTasks(node.cluster)) await prepareJails(choice);
  const team = await startDemoTeam(values, choice);
  const dataDirectory = team?.directory ?? dataDirectoryOf(values.data);
  await prepareDataDirectory(dataDirectory);
  const studio = await createStudio({
    dataDirectory,
    port,
    ...(values.host === undefined ? {} : { host: values.host }),
    ...choice,
    ...node,
    ...(values.people === true ? { people: true } : {}),
    ...mailOptions(),
    ...billingOptions(),
    ...signInOptions(),
    ...(origin === undefined || origin === "" ? {} : { origin }),
    ...(previewOrigin === undefined || previewOrigin === "" ? {} : { previewOrigin }),
    ...(values["trust-proxy"] === true ? { trustProxy: true } : {}),
    ...team?.studioOptions,
    log: cliLogger("warn"),
  }).catch(async (error: unknown) => {
    await team?.close();
    throw toShellError(error, port);
  });
  const control = await serveOwner(dataDirectory, studio, { passing: false });
  // Install the handlers before printing the link: its reader may stop the server immediately.
  const stopped = untilStopped(control, async () => {
    await studio.close();
    await team?.close();
  });
  await team?.settle(studio);
  const { url } = studio;
  const link = `${url}/#ticket=${await studio.issueTicket()}`;
  const forge = team === undefined ? {} : { github: team.forgeUrl, stripe: team.paymentsUrl };
  if (values.json === true) console.log(JSON.stringify({ url, link, pid: process.pid, ...forge }));
  else console.log(team?.describe(url, link) ?? link);
  await stopped;
  return 0;
}

/** The mail server of the environment: its URL has a password, which other users see in arguments. */
function mailOptions(): Pick<StudioOptions, "mail"> {
  const { HOLDFAST_SMTP_URL: url = "", HOLDFAST_SMTP_FROM: from = "" } = process.env;
  return url === "" ? {} : { mail: { url, from } };
}

/** The account of Stripe of the environment, for who sells plans. */
function billingOptions(): Pick<StudioOptions, "billing"> {
  const { HOLDFAST_STRIPE_KEY: key = "", HOLDFAST_STRIPE_WEBHOOK_SECRET: webhookSecret = "" } = process.env;
  const url = process.env["HOLDFAST_STRIPE_URL"] ?? "";
  return key === "" ? {} : { billing: { key, webhookSecret, ...(url === "" ? {} : { url }) } };
}

/** Rewrites an error for the command line: names the option instead of the API's parameter. */
function toShellError(error: unknown, port: number): unknown {
  if (!isErrorCode(error, "gateway", "port_in_use")) return error;
  const other = port === 65_535 ? defaultPort : port + 1;
  const message = `Port ${port} is in use by another process. Stop it, or choose another one with --port ${other} or HOLDFAST_PORT.`;
  return new HoldfastError("gateway", "port_in_use", message, { cause: error });
}

/** Resolves after SIGINT, SIGTERM or SIGHUP and a clean close. A second SIGINT or SIGTERM exits immediately. */
function untilStopped(control: ControlServer, close: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const stop = () => {
      if (stopping) return;
      stopping = true;
      control.close().then(close).then(resolve, reject);
    };
    const stopOrEnd = () => {
      if (stopping) process.exit(130);
      stop();
    };
    process.on("SIGINT", stopOrEnd);
    process.on("SIGTERM", stopOrEnd);
    // A closed terminal sends SIGHUP twice: itself, and through its shell.
    process.on("SIGHUP", stop);
  });
}
