import type { Api, JsonSchema } from "./api.ts";
import { type Names, pascalCase } from "./names.ts";

const maxDepth = 20;

/** Types of Python for JSON Schemas; objects with known members become classes. */
export class PythonTypes {
  readonly #api: Api;
  readonly #names: Names;
  readonly #classes: string[] = [];
  /** Classes by the schema that they are for: a schema that is referred to has one, and may contain itself. */
  readonly #byReference = new Map<string, string>();

  constructor(api: Api, names: Names) {
    this.#api = api;
    this.#names = names;
  }

  /** The definitions of the classes so far. */
  get classes(): readonly string[] {
    return this.#classes;
  }

  /** The type of values of the schema; `name` is for a class that it may need. */
  of(schema: JsonSchema, name: string, depth = 0): string {
    if (depth > maxDepth) return "Any";
    const { $ref } = schema;
    if (typeof $ref === "string") return this.#referred($ref, schema, name, depth);
    if ("const" in schema) return literal([schema["const"]]);
    if (Array.isArray(schema["enum"])) return literal(schema["enum"]);
    const any = schema["anyOf"] ?? schema["oneOf"];
    if (Array.isArray(any)) {
      return union((any as readonly JsonSchema[]).map((each) => this.of(each, name, depth + 1)));
    }
    const { type } = schema;
    if (Array.isArray(type)) {
      return union(
        (type as readonly string[]).map((each) => this.of({ ...schema, type: each }, name, depth + 1)),
      );
    }
    switch (type) {
      case "string":
        return "str";
      case "integer":
        return "int";
      case "number":
        return "float";
      case "boolean":
        return "bool";
      case "null":
        return "None";
      case "array":
        return this.#list(schema, name, depth);
      case "object":
        return this.#object(schema, name, depth);
      default:
        return "Any";
    }
  }

  #referred($ref: string, schema: JsonSchema, name: string, depth: number): string {
    const known = this.#byReference.get($ref);
    if (known !== undefined) return known;
    const target = this.#api.resolve(schema);
    if (target["type"] !== "object" || typeof target["properties"] !== "object") {
      // A list that contains itself has no name to refer to.
      return this.of("$ref" in target ? {} : target, name, depth + maxDepth / 2);
    }
    const taken = this.#names.take(pascalCase(name));
    this.#byReference.set($ref, taken);
    this.#define(taken, target, depth);
    return taken;
  }

  #list(schema: JsonSchema, name: string, depth: number): string {
    const { items } = schema;
    if (Array.isArray(schema["prefixItems"])) return "List[Any]";
    if (typeof items !== "object" || items === null) return "List[Any]";
    return `List[${this.of(items as JsonSchema, `${name} item`, depth + 1)}]`;
  }

  #object(schema: JsonSchema, name: string, depth: number): string {
    const { properties, additionalProperties } = schema;
    if (typeof properties === "object" && properties !== null && Object.keys(properties).length > 0) {
      const taken = this.#names.take(pascalCase(name));
      this.#define(taken, schema, depth);
      return taken;
    }
    const values =
      typeof additionalProperties === "object" && additionalProperties !== null
        ? this.of(additionalProperties as JsonSchema, `${name} value`, depth + 1)
        : "Any";
    return `Dict[str, ${values}]`;
  }

  /** The functional form: a member may have any name. */
  #define(name: string, schema: JsonSchema, depth: number): void {
    const members = Object.entries(schema["properties"] as Readonly<Record<string, JsonSchema>>);
    const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : []);
    const fields = members.map(([member, each]) => {
      const type = this.of(each, `${name} ${member}`, depth + 1);
      return `    ${text(member)}: ${text(required.has(member) ? type : `NotRequired[${type}]`)},`;
    });
    this.#classes.push(`${name} = TypedDict(${text(name)}, {\n${fields.join("\n")}\n})`);
  }
}

/** A literal of Python; JSON's escapes are a subset of Python's. */
export function text(value: string): string {
  return JSON.stringify(value);
}

function literal(values: readonly unknown[]): string {
  const isSimple = values.every(
    (value) => typeof value === "string" || Number.isInteger(value) || typeof value === "boolean",
  );
  if (!isSimple || values.length === 0) return "Any";
  const all = values.map((value) =>
    typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value),
  );
  return `Literal[${all.join(", ")}]`;
}

function union(types: readonly string[]): string {
  const all = [...new Set(types)];
  if (all.includes("Any")) return "Any";
  return all.length === 1 ? (all[0] ?? "Any") : `Union[${all.join(", ")}]`;
}
