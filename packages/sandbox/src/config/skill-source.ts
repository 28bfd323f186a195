/** Configuration of directories: MCP servers and skills. */
import { invalid, isRecord } from "../http/problem.ts";

/** Source of skills. Specified in section 2.4 of the peer's documentation. */
export interface SkillSource {
  /** "local", "git" or "github". Other types are stored, but fail when a session starts. */
  readonly type: string;
  /** A directory, a repository URL, or `owner/name` on GitHub. */
  readonly source: string;
  /** Names of the skills to install. Default: all. */
  readonly skills?: readonly string[];
  /** Branch, tag or commit. Default: the default branch. */
  readonly ref?: string;
  /** Directory inside the source that holds the skills. */
  readonly subpath?: string;
}

/** Skills of a directory, as in `/v1/config/skills`. */
export interface SkillsConfig {
  readonly sources: readonly SkillSource[];
}

/** Parses a configuration and drops unknown fields. Throws `sandbox.invalid_request` (422). */
export function parseSkills(value: unknown): SkillsConfig {
  if (!isRecord(value) || !Array.isArray(value["sources"])) {
    throw invalid("skills must be an object with an array of sources", 422);
  }
  return { sources: value["sources"].map(parseSource) };
}

function parseSource(value: unknown): SkillSource {
  if (!isRecord(value)) throw invalid("a skill source must be an object", 422);
  const type = optionalString(value, "type");
  const source = optionalString(value, "source");
  if (type === undefined || source === undefined) {
    throw invalid("a skill source needs a type and a source", 422);
  }
  const skills = value["skills"] ?? undefined;
  if (skills !== undefined && !(Array.isArray(skills) && skills.every((each) => typeof each === "string"))) {
    throw invalid("skills must be an array of names", 422);
  }
  const ref = optionalString(value, "ref");
  const subpath = optionalString(value, "subpath");
  return {
    type,
    source,
    ...(skills === undefined ? {} : { skills }),
    ...(ref === undefined ? {} : { ref }),
    ...(subpath === undefined ? {} : { subpath }),
  };
}

function optionalString(value: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const text = value[name] ?? undefined;
  if (text !== undefined && typeof text !== "string") throw invalid(`${name} must be a string`, 422);
  return text;
}
