/** TypeScript of what TypeDoc has read: types, signatures and members. */
import {
  type DeclarationReflection,
  ReflectionKind,
  type SignatureReflection,
  type SomeType,
  TypeContext,
  type TypeParameterReflection,
} from "typedoc";

/** A type as it is written; object types and functions too, which TypeDoc's own texts leave out. */
export function typeText(type: SomeType | undefined): string {
  if (type === undefined) return "unknown";
  switch (type.type) {
    case "array":
      return `${operand(type.elementType)}[]`;
    case "union":
      return type.types.map(operand).join(" | ");
    case "intersection":
      return type.types.map(operand).join(" & ");
    case "tuple":
      return `[${type.elements.map(typeText).join(", ")}]`;
    case "namedTupleMember":
      return `${type.name}${type.isOptional ? "?" : ""}: ${typeText(type.element)}`;
    case "optional":
      return `${typeText(type.elementType)}?`;
    case "rest":
      return `...${typeText(type.elementType)}`;
    case "typeOperator":
      return `${type.operator} ${operand(type.target)}`;
    case "indexedAccess":
      return `${operand(type.objectType)}[${typeText(type.indexType)}]`;
    case "reference":
      return `${type.qualifiedName.startsWith("__") ? type.name : type.name}${argumentsText(type.typeArguments)}`;
    case "predicate":
      return `${type.asserts ? "asserts " : ""}${type.name}${type.targetType ? ` is ${typeText(type.targetType)}` : ""}`;
    case "reflection":
      return objectText(type.declaration);
    default:
      return type.stringify(TypeContext.none);
  }
}

/** In parentheses where it would be read otherwise beside an operator. */
function operand(type: SomeType): string {
  const text = typeText(type);
  const isFunction = type.type === "reflection" && type.declaration.signatures !== undefined;
  return isFunction || ["union", "intersection", "conditional", "typeOperator"].includes(type.type)
    ? `(${text})`
    : text;
}

/** Types that the compiler has inferred, such as that of an actor with all of its actions, say nothing to people. */
const maxArguments = 400;

function argumentsText(types: readonly SomeType[] | undefined): string {
  if (types === undefined || types.length === 0) return "";
  const text = types.map(typeText).join(", ");
  return text.length > maxArguments ? "<…>" : `<${text}>`;
}

function objectText(declaration: DeclarationReflection): string {
  const [signature, ...others] = declaration.signatures ?? [];
  const hasMembers = (declaration.children ?? []).length > 0 || declaration.indexSignatures !== undefined;
  if (signature !== undefined && others.length === 0 && !hasMembers)
    return signatureText(signature, "", " => ");
  const members = membersOf(declaration).map(memberText);
  return members.length === 0 ? "{}" : `{ ${members.join("; ")} }`;
}

export function typeParametersText(parameters: readonly TypeParameterReflection[] | undefined): string {
  if (parameters === undefined || parameters.length === 0) return "";
  const texts = parameters.map(({ name, type, default: fallback, flags }) => {
    const bound = type === undefined ? "" : ` extends ${typeText(type)}`;
    return `${flags.isConst ? "const " : ""}${name}${bound}${fallback === undefined ? "" : ` = ${typeText(fallback)}`}`;
  });
  return `<${texts.join(", ")}>`;
}

/** `name<T>(a: A, b?: B): R`. */
export function signatureText(signature: SignatureReflection, name: string, arrow = ": "): string {
  const parameters = (signature.parameters ?? []).map((parameter) => {
    const { flags, type, defaultValue } = parameter;
    const mark = flags.isOptional || defaultValue !== undefined ? "?" : "";
    return `${flags.isRest ? "..." : ""}${parameter.name.replace(/^__.*/, "options")}${mark}: ${typeText(type)}`;
  });
  const result =
    signature.kind === ReflectionKind.ConstructorSignature ? "" : arrow + typeText(signature.type);
  return `${name}${typeParametersText(signature.typeParameters)}(${parameters.join(", ")})${result}`;
}

/** Those that people may use, each with its name: not symbols, not names that only types have. */
export function membersOf(declaration: DeclarationReflection): readonly DeclarationReflection[] {
  return (declaration.children ?? []).filter(({ name }) => !/^[[~#]/.test(name));
}

/** One line without its semicolon; of a method, all overloads. */
export function memberText(member: DeclarationReflection): string {
  const { flags } = member;
  const name = /^[\w$]+$/.test(member.name) ? member.name : JSON.stringify(member.name);
  const mark = flags.isOptional ? "?" : "";
  const before = `${flags.isStatic ? "static " : ""}${flags.isReadonly ? "readonly " : ""}`;
  if (member.kind === ReflectionKind.Constructor)
    return (member.signatures ?? [])
      .map((signature) => signatureText(signature, "constructor"))
      .join(";\n  ");
  if (member.kind === ReflectionKind.Accessor) {
    const isReadonly = member.setSignature === undefined;
    return `${flags.isStatic ? "static " : ""}${isReadonly ? "readonly " : ""}${name}: ${typeText(member.getSignature?.type ?? member.setSignature?.parameters?.[0]?.type)}`;
  }
  if (member.signatures !== undefined)
    return member.signatures.map((signature) => before + signatureText(signature, name + mark)).join(";\n  ");
  return `${before}${name}${mark}: ${typeText(member.type)}`;
}
