/** Settings of groups: agents with their own sessions, memory, tools and events. */
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";

/** Name of the settings file in a data directory. */
export const groupsFile = "groups.json";

/** Which session handles an event: a new one, the latest one, or one selected by the channel's plugin. */
export type SessionMode = "fresh" | "resume" | "explicit";

export interface WebhookSettings {
  /** Last segment of the address: `/hooks/GROUP/NAME`. */
  readonly name: string;
  /** Name of a secret in the vault (`holdfast secrets set NAME`). */
  readonly secret: string;
  /** The operator's instruction for handling a request. */
  readonly prompt: string;
}

/** A group: an agent with its own sessions, memory and tools. */
export interface GroupSettings {
  readonly name: string;
  readonly description: string;
  readonly agent: string;
  /** A local git repository, or "sample". By default the group gets its own. */
  readonly repository?: string;
  /** Allowed tools: names, or patterns with `*`. Every tool by default. */
  readonly tools?: readonly string[];
  /** "fresh" by default. A plugin's manifest takes precedence for its events. */
  readonly session: SessionMode;
  /** Plugin topics that start a turn, or patterns that end in `*`. */
  readonly events: readonly string[];
  /** Plugins whose events are accepted; every plugin by default. */
  readonly plugins?: readonly string[];
  readonly webhooks: readonly WebhookSettings[];
  /** Whether a new session starts with the group's memories. True by default. */
  readonly memory: boolean;
}

/** Topics that start a turn if a group lists none. */
export const defaultTopics = ["task.triggered", "message.inbound", "mail.received"] as const;

type Fields = Readonly<Record<string, unknown>>;

function invalidFile(path: string, problem: string): HoldfastError {
  const location = path === "" ? "" : ` at ${path}`;
  return new HoldfastError("group", "invalid_file", `${groupsFile} is invalid${location}: ${problem}`, {
    statusCode: 400,
    metadata: { path, problem },
  });
}

const groupName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const plainName = /^[a-z][a-z0-9_-]{0,63}$/;
const secretName = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const toolPattern = /^[a-z*?][a-z0-9_*?]{0,127}$/;
const topicPattern = /^[a-z][a-z0-9_.]{0,127}\*?$/;
const groupFields = [
  "description",
  "agent",
  "repository",
  "tools",
  "session",
  "events",
  "plugins",
  "webhooks",
  "memory",
];

/** Parses `groups.json` strictly: an unknown field is an error. Throws `group.invalid_file`. */
export function parseGroups(text: string): ReadonlyMap<string, GroupSettings> {
  if (Buffer.byteLength(text) > studioLimits.maxGroupsFileBytes)
    throw invalidFile("", `the file is larger than ${studioLimits.maxGroupsFileBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidFile("", "the file is not valid JSON");
  }
  const file = requireFields(value, "", ["version", "groups"]);
  if (file["version"] !== 1) throw invalidFile("/version", "must be 1");
  const groups = Object.entries(requireRecord(file["groups"], "/groups"));
  if (groups.length > studioLimits.maxGroups)
    throw invalidFile("/groups", `must have at most ${studioLimits.maxGroups} groups`);
  return new Map(groups.map(([name, each]) => [name, parseGroup(name, each, `/groups/${name}`)]));
}

function parseGroup(name: string, value: unknown, path: string): GroupSettings {
  if (!groupName.test(name))
    throw invalidFile(path, "a group name can contain letters, digits, dots, dashes and underscores");
  const fields = requireFields(value, path, groupFields);
  const { repository, tools, plugins, session = "fresh", memory = true } = fields;
  if (session !== "fresh" && session !== "resume" && session !== "explicit")
    throw invalidFile(`${path}/session`, 'must be "fresh", "resume" or "explicit"');
  if (typeof memory !== "boolean") throw invalidFile(`${path}/memory`, "must be true or false");
  return {
    name,
    description: requireText(fields["description"] ?? "", `${path}/description`, 300),
    agent: requireMatch(fields["agent"], `${path}/agent`, /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/),
    ...(repository === undefined ? {} : { repository: parseRepository(repository, `${path}/repository`) }),
    ...(tools === undefined ? {} : { tools: requireList(tools, `${path}/tools`, toolPattern) }),
    session,
    events: requireList(fields["events"] ?? defaultTopics, `${path}/events`, topicPattern),
    ...(plugins === undefined ? {} : { plugins: requireList(plugins, `${path}/plugins`, plainName) }),
    webhooks: parseWebhooks(fields["webhooks"] ?? {}, `${path}/webhooks`),
    memory,
  };
}

function parseWebhooks(value: unknown, path: string): readonly WebhookSettings[] {
  const hooks = Object.entries(requireRecord(value, path));
  if (hooks.length > studioLimits.maxWebhooks)
    throw invalidFile(path, `must have at most ${studioLimits.maxWebhooks} webhooks`);
  return hooks.map(([name, each]) => {
    const at = `${path}/${name}`;
    if (!plainName.test(name))
      throw invalidFile(at, "a webhook name can contain lower-case letters, digits, dashes and underscores");
    const fields = requireFields(each, at, ["secret", "prompt"]);
    const secret = requireMatch(fields["secret"], `${at}/secret`, secretName);
    const prompt = requireText(fields["prompt"], `${at}/prompt`, studioLimits.maxWebhookPromptCharacters);
    if (prompt.trim() === "") throw invalidFile(`${at}/prompt`, "must say how to handle a request");
    return { name, secret, prompt };
  });
}

function parseRepository(value: unknown, path: string): string {
  const text = requireText(value, path, 4_096);
  if (text === "sample" || (text.startsWith("/") && !text.includes("\0"))) return text;
  throw invalidFile(path, 'must be an absolute path or "sample"');
}

function requireRecord(value: unknown, path: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalidFile(path, "must be an object");
}

function requireFields(value: unknown, path: string, allowed: readonly string[]): Fields {
  const fields = requireRecord(value, path);
  for (const name of Object.keys(fields)) {
    if (!allowed.includes(name)) throw invalidFile(`${path}/${name}`, "unknown field");
  }
  return fields;
}

function requireText(value: unknown, path: string, max: number): string {
  if (typeof value === "string" && value.length <= max) return value;
  throw invalidFile(path, `must be text of at most ${max} characters`);
}

function requireMatch(value: unknown, path: string, pattern: RegExp): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw invalidFile(path, "is missing or contains characters that are not allowed");
}

function requireList(value: unknown, path: string, pattern: RegExp): readonly string[] {
  if (!Array.isArray(value) || value.length > 64)
    throw invalidFile(path, "must be a list of at most 64 items");
  return value.map((each, at) => requireMatch(each, `${path}/${at}`, pattern));
}
