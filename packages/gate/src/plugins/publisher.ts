import { randomUUID } from "node:crypto";
import { type Clock, HoldfastError } from "@holdfast/core";
import type { PluginName } from "./manifest/names.ts";
import { pluginLimits } from "./plugin-limits.ts";
import type { EventEnvelope, PluginManifest } from "./runtime/api.ts";

function refused(message: string, code = "invalid_event"): HoldfastError {
  return new HoldfastError("plugin", code, message, { statusCode: code === "too_many_events" ? 429 : 400 });
}

/** Topics of the gate itself. */
const own = /^(tool|plugin|agent|response|approval)(\.|$)/;

/** Turns events of a plugin into envelopes of the gate, rate-limited. */
export class Publisher {
  readonly #clock: Clock;
  #tokens: number = pluginLimits.publishBurst;
  #filledAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAt = clock.now();
  }

  /** Throws `plugin.invalid_event`, `plugin.too_many_events`. */
  envelope(name: PluginName, manifest: PluginManifest, event: unknown): EventEnvelope {
    this.#take();
    if (manifest.provides.channels.length === 0)
      throw refused("Only plugins with channels can publish events");
    if (typeof event !== "object" || event === null) throw refused("An event must be an object");
    const topic: unknown = Reflect.get(event, "topic");
    const group: unknown = Reflect.get(event, "group") ?? groupOf(manifest);
    const payload: unknown = Reflect.get(event, "payload");
    if (typeof topic !== "string" || !/^[a-z][a-z0-9_]*(\.[a-z0-9_]+){1,7}$/.test(topic) || own.test(topic)) {
      throw refused(
        `A plugin may not publish this topic: ${shown(topic)}. A topic must have two to eight words of a-z, 0-9 and _, separated by dots, and the first must not be tool, plugin, agent, response or approval`,
      );
    }
    if (typeof group !== "string" || !/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(group)) {
      throw refused(
        `This group name is invalid: ${shown(group)}. A name must have 1 to 64 letters, digits, "_", "." and "-", and begin with a letter or digit`,
      );
    }
    if (manifest.allowed_groups !== undefined && !manifest.allowed_groups.includes(group)) {
      throw refused(
        `The plugin may not publish to this group: ${shown(group)}. Its manifest allows ${manifest.allowed_groups.join(", ")}`,
      );
    }
    if (!isRecord(payload)) throw refused("The payload must be an object");
    if (Buffer.byteLength(JSON.stringify(payload)) > pluginLimits.maxEventBytes) {
      throw refused(`The payload has more than ${pluginLimits.maxEventBytes} bytes`);
    }
    if (topic === "message.inbound") checkInbound(payload);
    return {
      id: randomUUID(),
      version: 1,
      type: "event",
      topic,
      source: `plugin:${name}`,
      correlation: null,
      timestamp: new Date(this.#clock.now()).toISOString(),
      group,
      payload,
    };
  }

  #take(): void {
    const now = this.#clock.now();
    const filled = (Math.max(0, now - this.#filledAt) / 1_000) * pluginLimits.publishPerSecond;
    this.#tokens = Math.min(pluginLimits.publishBurst, this.#tokens + filled);
    this.#filledAt = now;
    if (this.#tokens < 1) throw refused("The plugin publishes too many events", "too_many_events");
    this.#tokens -= 1;
  }
}

/** Group of an event that names none: the manifest's only group, or the default. */
function groupOf({ allowed_groups: groups = [] }: PluginManifest): string {
  const [only, ...others] = groups;
  return only !== undefined && others.length === 0 ? only : "default";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The only topic whose payload starts a session with untrusted content. */
function checkInbound(payload: Record<string, unknown>): void {
  const { channel, sender, content_type: type, body, metadata, ...rest } = payload;
  const text = (value: unknown, most: number) => typeof value === "string" && value.length <= most;
  const ok =
    text(channel, 64) &&
    text(sender, 256) &&
    text(body, 8_192) &&
    ["text", "image", "file", "voice"].some((each) => each === type) &&
    (metadata === undefined || isRecord(metadata)) &&
    Object.keys(rest).length === 0;
  if (!ok)
    throw refused(
      "The payload of message.inbound must have channel (at most 64 characters), sender (256), body (8192), content_type (text, image, file or voice), optionally metadata (an object), and nothing else",
    );
}

/** A short prefix that still identifies the event. */
function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "none").slice(0, 80);
}

/** True when `pattern` (a topic, or one that ends in "*") covers `topic`. */
export function subscribes(pattern: string, topic: string): boolean {
  return pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic;
}
