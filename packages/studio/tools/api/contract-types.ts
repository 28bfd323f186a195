import type ts from "typescript";

type TypeScript = typeof ts;

/** A method of an interface of actions. */
export interface ContractMethod {
  readonly name: string;
  readonly description: string;
  /** `group.code` of the errors that its comment names. */
  readonly throws: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly isOptional: boolean }[];
}

export interface ContractInterface {
  readonly name: string;
  readonly extends: readonly string[];
  readonly methods: readonly ContractMethod[];
}

/** The source with types added at its end, and the interfaces that they describe. */
export interface PreparedSource {
  readonly text: string;
  readonly interfaces: readonly ContractInterface[];
}

/** Ends the name of the type that describes an interface. */
export const describedSuffix = "Described";

/**
 * Adds to a source, for each interface of actions, an interface that has no methods: each action is an object with its
 * arguments by their names and its result, which JSON Schema can describe.
 */
export function prepareSource(typescript: TypeScript, fileName: string, text: string): PreparedSource {
  const source = typescript.createSourceFile(fileName, text, typescript.ScriptTarget.Latest, true);
  const interfaces: ContractInterface[] = [];
  const added: string[] = [];
  for (const statement of source.statements) {
    if (!typescript.isInterfaceDeclaration(statement) || !/Actions$/.test(statement.name.text)) continue;
    const methods = statement.members.filter(typescript.isMethodSignature);
    const clauses = statement.heritageClauses ?? [];
    interfaces.push({
      name: statement.name.text,
      extends: clauses.flatMap(({ types }) => types.map(({ expression }) => expression.getText(source))),
      methods: methods.map((method) => methodOf(typescript, source, method)),
    });
    const members = methods.map((method) => memberOf(source, method));
    added.push(`export interface ${statement.name.text}${describedSuffix} {\n${members.join("\n")}\n}`);
  }
  return { text: `${text}\n${added.join("\n")}\n`, interfaces };
}

function memberOf(source: ts.SourceFile, method: ts.MethodSignature): string {
  const parameters = method.parameters.map(
    ({ name, questionToken, type }) =>
      `${name.getText(source)}${questionToken === undefined ? "" : "?"}: ${type?.getText(source) ?? "unknown"}`,
  );
  const result = method.type?.getText(source) ?? "unknown";
  const [, awaited = result] = /^Promise<([\s\S]*)>$/.exec(result) ?? [];
  const output = awaited === "void" ? "" : ` output: ${awaited};`;
  return `  ${method.name.getText(source)}: { args: { ${parameters.join("; ")} };${output} };`;
}

function methodOf(typescript: TypeScript, source: ts.SourceFile, method: ts.MethodSignature): ContractMethod {
  const comment = typescript
    .getJSDocCommentsAndTags(method)
    .map((each) => typescript.getTextOfJSDocComment(each.comment) ?? "")
    .join("\n");
  return {
    name: method.name.getText(source),
    description: comment.replaceAll(/\s+/g, " ").trim(),
    throws: throwsIn(comment),
    parameters: method.parameters.map(({ name, questionToken }) => ({
      name: name.getText(source),
      isOptional: questionToken !== undefined,
    })),
  };
}

/** "Throws `task.busy`, `.too_many`": the second code is of the group before it. */
export function throwsIn(comment: string): readonly string[] {
  const at = comment.indexOf("Throws ");
  if (at < 0) return [];
  const codes: string[] = [];
  let group = "";
  for (const [, before = "", code = ""] of comment.slice(at).matchAll(/`([a-z-]*)\.([a-z_]+|\*)`/g)) {
    if (before !== "") group = before;
    codes.push(`${group}.${code}`);
  }
  return codes;
}
