/** Mail plugin: read and send mail. */
import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity } from "node:tls";
import type { CoreServices, PluginServices, ServerConnection } from "@holdfast/gate/plugin";
import { ToolError } from "@holdfast/gate/plugin";
import { type WatchSettings, watchLimits } from "./watch-settings.ts";

export type Security = "tls" | "starttls" | "none";

/** Transport security of a mail server. */
export interface MailServer {
  readonly connection: ServerConnection;
  readonly security: Security;
  readonly tls: ConnectionOptions;
  readonly user: string;
  /** Read at each use, since the operator may replace it. */
  readonly password: () => string;
}

export interface MailSettings {
  readonly address: string;
  readonly name: string;
  readonly imap: MailServer | undefined;
  readonly smtp: MailServer | undefined;
  /** Allowed recipients in lower case; undefined for any. */
  readonly recipients: readonly string[] | undefined;
  readonly groups: readonly string[] | undefined;
  readonly sentFolder: string;
  /** How new messages are published; undefined when they are not. */
  readonly watch: WatchSettings | undefined;
}

export function refused(message: string, field?: string, code = "HANDLER_ERROR"): ToolError {
  return new ToolError({ code, message, field });
}

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/;

function texts(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.map(String) : undefined;
}

/** Throws when a password would be sent unencrypted over a network. */
export function readSettings(services: CoreServices & Partial<PluginServices>): MailSettings {
  const { config = {}, connections = {} } = services;
  const text = (key: string) => (typeof config[key] === "string" ? config[key] : "");
  const address = text("address");
  const credential = (key: string): string => {
    try {
      return services.readCredential(key);
    } catch {
      return "";
    }
  };
  const server = (name: "imap" | "smtp"): MailServer | undefined => {
    const connection = connections[name];
    if (connection === undefined || address === "") return undefined;
    const { host } = connection;
    const security = parseSecurity(config[`${name}_security`]);
    if (security === "none" && !loopback.test(host)) {
      throw new Error(`${name}_security "none" is only allowed for servers on this machine`);
    }
    return {
      connection,
      security,
      user: text(`${name}_user`) || address,
      password: () => (name === "smtp" ? credential("SMTP_PASSWORD") : "") || credential("IMAP_PASSWORD"),
      tls: {
        // The socket connects to another address than the server's; verify the certificate for the server's name.
        ...(isIP(host) === 0 ? { servername: host } : {}),
        checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
        minVersion: "TLSv1.2",
        rejectUnauthorized: true,
        ...(text("ca") === "" ? {} : { ca: text("ca") }),
      },
    };
  };
  const groups = texts(config["groups"]);
  return {
    address,
    name: text("name"),
    imap: server("imap"),
    smtp: server("smtp"),
    recipients: texts(config["recipients"])?.map((each) => each.toLowerCase()),
    groups,
    sentFolder: text("sent_folder"),
    watch: parseWatch(config, groups),
  };
}

/** Throws when new messages would be published to a group that may not read them. */
function parseWatch(
  config: Readonly<Record<string, unknown>>,
  groups: readonly string[] | undefined,
): WatchSettings | undefined {
  const { watch_group: group, watch_folder: folder, watch_from: from, watch_seconds: seconds } = config;
  if (typeof group !== "string" || group === "") return undefined;
  if (groups !== undefined && !groups.includes(group))
    throw new Error(`watch_group ${group} is not one of groups`);
  return {
    group,
    folder: typeof folder === "string" && folder !== "" ? folder : "INBOX",
    from: texts(from)?.map((each) => each.toLowerCase()),
    seconds: typeof seconds === "number" ? seconds : watchLimits.seconds,
  };
}

function parseSecurity(value: unknown): Security {
  return value === "starttls" || value === "none" ? value : "tls";
}
