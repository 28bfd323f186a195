import type { Api, JsonSchema } from "./api.ts";
import { Names, pascalCase } from "./names.ts";

const maxDepth = 20;

/** Types of Go for JSON Schemas; objects with known members become structs. */
export class GoTypes {
  readonly #api: Api;
  readonly #names: Names;
  readonly #structs: string[] = [];
  /** Structs by the schema that they are for: a schema that is referred to has one, and may contain itself. */
  readonly #byReference = new Map<string, string>();

  constructor(api: Api, names: Names) {
    this.#api = api;
    this.#names = names;
  }

  /** The definitions of the structs so far. */
  get structs(): readonly string[] {
    return this.#structs;
  }

  /** The type of values of the schema; `name` is for a struct that it may need. */
  of(schema: JsonSchema, name: string, depth = 0): string {
    if (depth > maxDepth) return "any";
    const { $ref, type } = schema;
    if (typeof $ref === "string") return this.#referred($ref, schema, name, depth);
    switch (type) {
      case "string":
        return "string";
      case "integer":
        return "int64";
      case "number":
        return "float64";
      case "boolean":
        return "bool";
      case "array": {
        const { items, prefixItems } = schema;
        if (Array.isArray(prefixItems) || typeof items !== "object" || items === null) return "[]any";
        return `[]${this.of(items as JsonSchema, `${name} item`, depth + 1)}`;
      }
      case "object":
        return this.#object(schema, name, depth);
      default:
        return "any";
    }
  }

  #referred($ref: string, schema: JsonSchema, name: string, depth: number): string {
    const known = this.#byReference.get($ref);
    if (known !== undefined) return known;
    const target = this.#api.resolve(schema);
    if (!hasMembers(target)) return this.of("$ref" in target ? {} : target, name, depth + maxDepth / 2);
    const taken = this.#names.take(pascalCase(name));
    // A pointer: a struct cannot contain itself.
    this.#byReference.set($ref, `*${taken}`);
    this.#define(taken, target, depth);
    return `*${taken}`;
  }

  #object(schema: JsonSchema, name: string, depth: number): string {
    if (hasMembers(schema)) {
      const taken = this.#names.take(pascalCase(name));
      this.#define(taken, schema, depth);
      return taken;
    }
    const values = schema["additionalProperties"];
    const isTyped = typeof values === "object" && values !== null;
    return `map[string]${isTyped ? this.of(values as JsonSchema, `${name} value`, depth + 1) : "any"}`;
  }

  #define(name: string, schema: JsonSchema, depth: number): void {
    const members = Object.entries(schema["properties"] as Readonly<Record<string, JsonSchema>>);
    const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : []);
    const fields = new Names();
    const lines = members
      // The tag of a field has no room for such a name.
      .filter(([member]) => /^[\w$%+./:;<=>?@^{|}~! #&()*-]+$/.test(member) && !member.includes(","))
      .map(([member, each]) => {
        const type = this.of(each, `${name} ${member}`, depth + 1);
        const isOptional = !required.has(member);
        const shown = isOptional && !/^(\*|\[|map|any)/.test(type) ? `*${type}` : type;
        return `\t${fields.take(pascalCase(member))} ${shown} \`json:"${member}${isOptional ? ",omitempty" : ""}"\``;
      });
    this.#structs.push(`type ${name} struct {\n${lines.join("\n")}\n}`);
  }
}

function hasMembers({ type, properties }: JsonSchema): boolean {
  return (
    type === "object" &&
    typeof properties === "object" &&
    properties !== null &&
    Object.keys(properties).length > 0
  );
}
