/** Configuration of directories: MCP servers, skills. */
import { invalid, isRecord } from "../http/problem.ts";

/** Where skills come from. Source: the peer's section 2.4. */
export interface SkillSource {
  /** "local", "git" or "github". Others are kept, and refused when a session starts. */
  readonly type: string;
  /** A directory, the URL of a repository, or `owner/name`. */
  readonly source: string;
  /** Names of the skills to take; all of them by default. */
  readonly skills?: readonly string[];
  /** Branch, tag or commit; the default branch without it. */
  readonly ref?: string;
  /** Directory inside the source that holds the skills. */
  readonly subpath?: string;
}

export interface SkillsConfig {
  readonly sources: readonly SkillSource[];
}

/** Reads a configuration; unknown fields are dropped. Throws `sandbox.invalid_request` (422). */
export function parseSkills(value: unknown): SkillsConfig {
  if (!isRecord(value) || !Array.isArray(value["sources"])) {
    throw invalid("skills must be an object with a list of sources", 422);
  }
  return { sources: value["sources"].map(parseSource) };
}

function parseSource(value: unknown): SkillSource {
  if (!isRecord(value)) throw invalid("a source of skills must be an object", 422);
  const type = optional(value, "type");
  const source = optional(value, "source");
  if (type === undefined || source === undefined) {
    throw invalid("a source of skills needs a type and a source", 422);
  }
  const skills = value["skills"] ?? undefined;
  if (skills !== undefined && !(Array.isArray(skills) && skills.every((each) => typeof each === "string"))) {
    throw invalid("skills must be a list of names", 422);
  }
  const ref = optional(value, "ref");
  const subpath = optional(value, "subpath");
  return {
    type,
    source,
    ...(skills === undefined ? {} : { skills }),
    ...(ref === undefined ? {} : { ref }),
    ...(subpath === undefined ? {} : { subpath }),
  };
}

function optional(value: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const text = value[name] ?? undefined;
  if (text !== undefined && typeof text !== "string") throw invalid(`${name} must be text`, 422);
  return text;
}
