/** OpenCode API: routes and request parsers. */
import { type Exchange, parseJson, readText } from "../../http/exchange.ts";
import { invalid, isRecord } from "../../http/problem.ts";
import type { ContentBlocks } from "../../sessions/turns/prompt-queue.ts";
import type { PermissionRule } from "../../sessions/types.ts";
import type { Fields, WireModel } from "../wire.ts";

/** Reads the JSON object of a request, whatever its content type. An absent body counts as an empty object. */
export async function readObject(exchange: Exchange, maxBytes: number): Promise<Fields> {
  const text = await readText(exchange, maxBytes);
  const value = text.trim() === "" ? {} : parseJson(text);
  if (isRecord(value)) return value;
  throw invalid("the request body must be an object");
}

/** Reads an optional string field. Throws `invalid_request` for any other type. */
export function optionalText(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && value.length <= 4_096 && !value.includes("\0")) return value;
  throw invalid(`${name} must be a string`);
}

/** Reads `{ providerID, modelID }`, which sessions spell `{ providerID, id }`. */
export function readModel({ model }: Fields): WireModel | undefined {
  if (model === undefined || model === null) return undefined;
  const { providerID, modelID, id } = isRecord(model) ? model : {};
  const name = modelID ?? id;
  if (typeof providerID === "string" && typeof name === "string") return { providerID, modelID: name };
  throw invalid("model must have a providerID and a modelID");
}

const verdicts = ["allow", "ask", "deny"] as const;

/**
 * Reads an array of rules, or OpenCode's short forms: `"allow"`, `{ bash: "ask" }`, `{ bash: { "git *": "allow" } }`.
 */
export function readRules(value: unknown): readonly PermissionRule[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return [rule("*", "*", value)];
  if (Array.isArray(value)) {
    return value.map((item: unknown) => {
      const { permission, pattern = "*", action } = isRecord(item) ? item : {};
      return rule(permission, pattern, action);
    });
  }
  if (!isRecord(value)) throw invalid("permission must be an array of rules");
  return Object.entries(value).flatMap(([permission, rules]) =>
    isRecord(rules)
      ? Object.entries(rules).map(([pattern, action]) => rule(permission, pattern, action))
      : [rule(permission, "*", rules)],
  );
}

function rule(permission: unknown, pattern: unknown, action: unknown): PermissionRule {
  const verdict = verdicts.find((each) => each === action);
  if (typeof permission === "string" && typeof pattern === "string" && verdict) {
    return { permission, pattern, action: verdict };
  }
  throw invalid("a permission rule needs a permission, a pattern, and an action: allow, ask or deny");
}

/** Converts the parts of a prompt to ACP content blocks: those that every agent accepts, and images. */
export function readParts(fields: Fields): ContentBlocks {
  const { parts, system, noReply } = fields;
  if (noReply === true) throw invalid("noReply is not supported: an agent answers every prompt");
  if (!Array.isArray(parts) || parts.length === 0) throw invalid("parts must be a non-empty array");
  const leading = typeof system === "string" && system !== "" ? [{ type: "text", text: system }] : [];
  return [...leading, ...parts.map(block)];
}

function block(part: unknown): Fields {
  const { type, text, name, url } = isRecord(part) ? part : {};
  if (type === "text" && typeof text === "string") return { type, text };
  if (type === "agent" && typeof name === "string") return { type: "text", text: `@${name}` };
  if (type === "file" && typeof url === "string" && isRecord(part)) return fileBlock(url, part);
  throw invalid("a part must be a text, a file or an agent");
}

function fileBlock(url: string, { mime, filename }: Fields): Fields {
  const data = /^data:([^;,]*)(;[^,]*)?,(.*)$/s.exec(url);
  const mimeType = typeof mime === "string" ? mime : (data?.[1] ?? "application/octet-stream");
  const name = typeof filename === "string" ? filename : (url.split("/").at(-1)?.slice(0, 200) ?? "file");
  if (!data) return { type: "resource_link", uri: url, name, mimeType };
  const isBase64 = /;base64$/i.test(data[2] ?? "");
  const body = data[3] ?? "";
  if (mimeType.startsWith("image/")) {
    return {
      type: "image",
      mimeType,
      data: isBase64 ? body : Buffer.from(decodeData(body)).toString("base64"),
    };
  }
  const text = isBase64 ? Buffer.from(body, "base64").toString("utf8") : decodeData(body);
  return { type: "text", text: `${name}:\n${text}` };
}

function decodeData(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("the data of a file part is not percent-encoded UTF-8");
  }
}

/** Returns the client's directory, from the query parameter or the percent-encoded header. */
export function readDirectory(exchange: Exchange): string | undefined {
  const parameter = exchange.query.get("directory");
  if (parameter !== null && parameter !== "") return parameter;
  const header = exchange.request.headers["x-opencode-directory"];
  return typeof header === "string" && header !== "" ? decodeData(header) : undefined;
}

/** Reads a number from the query and clamps it to `max`. */
export function readCount(exchange: Exchange, name: string, max: number): number | undefined {
  const text = exchange.query.get(name);
  if (text === null) return undefined;
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text), max);
  throw invalid(`${name} must be a non-negative integer`);
}
