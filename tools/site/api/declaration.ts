/** The declaration of an export as TypeScript, with the comments of its members. */
import { type Comment, type DeclarationReflection, ReflectionKind, type SomeType } from "typedoc";
import { membersOf, memberText, signatureText, typeParametersText, typeText } from "./type-text.ts";

const maxLine = 100;

/** Of an export or a member; of a function, the first overload that has one. */
export function commentOf(item: DeclarationReflection): Comment | undefined {
  const all = [item, ...(item.signatures ?? []), ...(item.getSignature ? [item.getSignature] : [])];
  const type = item.type?.type === "reflection" ? (item.type.declaration.signatures ?? []) : [];
  return [...all, ...type]
    .map(({ comment }) => comment)
    .find((comment) => comment !== undefined && (comment.summary.length > 0 || comment.blockTags.length > 0));
}

export function declarationText(item: DeclarationReflection): string {
  const generic = typeParametersText(item.typeParameters);
  switch (item.kind) {
    case ReflectionKind.Function:
      return (item.signatures ?? [])
        .map((signature) => wrap(`function ${signatureText(signature, item.name)}`))
        .join("\n");
    case ReflectionKind.Class:
    case ReflectionKind.Interface: {
      const bases = (item.extendedTypes ?? []).map(typeText).join(", ");
      const word = item.kind === ReflectionKind.Class ? "class" : "interface";
      return `${word} ${item.name}${generic}${bases === "" ? "" : ` extends ${bases}`} ${bodyText(item)}`;
    }
    case ReflectionKind.TypeAlias: {
      const { type } = item;
      if (type?.type === "reflection" && type.declaration.signatures === undefined)
        return `type ${item.name}${generic} = ${bodyText(type.declaration)}`;
      return wrap(`type ${item.name}${generic} = ${typeText(type)}`);
    }
    case ReflectionKind.Enum:
      return `enum ${item.name} { ${membersOf(item)
        .map(({ name }) => name)
        .join(", ")} }`;
    case ReflectionKind.Namespace:
      return (item.children ?? []).map((child) => `${item.name}.${child.name}`).join("\n");
    default: {
      const { type } = item;
      if (type?.type === "reflection" && type.declaration.signatures === undefined)
        return `const ${item.name}: ${bodyText(type.declaration)}`;
      return wrap(`const ${item.name}: ${typeText(type)}`);
    }
  }
}

/** Members, a line each, with their comments. What a class inherits is on the page of its base. */
function bodyText(item: DeclarationReflection): string {
  const calls = (item.signatures ?? []).map((signature) => `  ${signatureText(signature, "")};`);
  const indexes = (item.indexSignatures ?? []).map((signature) => {
    const [key] = signature.parameters ?? [];
    return `  [${key?.name ?? "key"}: ${typeText(key?.type)}]: ${typeText(signature.type)};`;
  });
  const members = membersOf(item)
    .filter(({ inheritedFrom }) => inheritedFrom === undefined)
    .map((member) => {
      const comment = commentText(member)
        .replace(/\s*\n\s*/g, " ")
        .replaceAll("*/", "*\\/");
      const note = comment === "" ? "" : `${commentLines(comment)}\n`;
      return `${note}${wrap(`  ${memberText(member)};`, "  ")}`;
    });
  const lines = [...calls, ...indexes, ...members];
  return lines.length === 0 ? "{}" : `{\n${lines.join("\n")}\n}`;
}

/** A comment of a member, in lines that a page has room for. */
function commentLines(text: string): string {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + word.length > maxLine - 8) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  const [only = ""] = lines;
  return lines.length === 1
    ? `  /** ${only} */`
    : `  /**\n${lines.map((line) => `   * ${line}`).join("\n")}\n   */`;
}

/** Breaks a long declaration at the commas of its outermost list, and a long union at its bars. */
function wrap(text: string, indent = ""): string {
  if (text.length <= maxLine || text.includes("\n")) return text;
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  const cut = (at: number) => {
    parts.push(text.slice(start, at));
    start = at;
  };
  const first = text.search(/\((?=.*\))/);
  const isCall = first > 0 && !/^\s*type /.test(text);
  for (let i = 0; i < text.length; i++) {
    const mark = text[i] ?? "";
    if (mark === ">" && text[i - 1] === "=") continue;
    if (")]}>".includes(mark)) {
      depth -= 1;
      if (isCall && mark === ")" && depth === 0 && parts.length > 0) {
        cut(i);
        break;
      }
    }
    if ("([{<".includes(mark)) {
      depth += 1;
      if (isCall && mark === "(" && depth === 1 && parts.length === 0) cut(i + 1);
    }
    if (isCall && mark === "," && depth === 1 && parts.length > 0) cut(i + 1);
    if (!isCall && mark === "|" && depth === 0) cut(i);
  }
  if (parts.length === 0) return text;
  const [head = "", ...rest] = [...parts, text.slice(start)].map((part) => part.trim());
  if (!isCall) return `${indent}${[head, ...rest].join(`\n${indent}  `)}`;
  const tail = rest.pop() ?? "";
  return `${indent}${head}\n${rest.map((part) => `${indent}  ${part}`).join("\n")}\n${indent}${tail}`;
}

/** The comment of a member, whose links are words in code. */
function commentText(member: DeclarationReflection): string {
  const comment = commentOf(member);
  const pieces = [
    ...(comment?.summary ?? []),
    ...(comment?.blockTags ?? []).flatMap(({ content }) => content),
  ];
  return pieces.map(({ text }) => text).join("");
}

/** What the declaration names, outermost first. */
export function collectReferences(value: unknown, into: Set<DeclarationReflection>, depth = 0): void {
  if (depth > 12 || typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const each of value) collectReferences(each, into, depth + 1);
    return;
  }
  const type = value as SomeType & { reflection?: unknown };
  if (type.type === "reference" && type.reflection !== undefined)
    into.add(type.reflection as DeclarationReflection);
  for (const key of [
    "type",
    "types",
    "elementType",
    "target",
    "typeArguments",
    "declaration",
    "signatures",
    "parameters",
    "children",
    "elements",
    "element",
    "extendedTypes",
    "typeParameters",
    "objectType",
    "indexType",
    "checkType",
    "extendsType",
    "trueType",
    "falseType",
    "getSignature",
    "default",
  ])
    collectReferences(Reflect.get(value, key), into, depth + 1);
}
