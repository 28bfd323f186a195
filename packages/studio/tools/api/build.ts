/**
 * Writes `packages/studio/dist/api/api.json`, the description of the API, from the types of the contract. Run by `npm run
 * build:api`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createFormatter, createParser, SchemaGenerator } from "ts-json-schema-generator";
import type ts from "typescript";
import {
  type ActionDescription,
  type ApiDescription,
  descriptionFile,
  type JsonSchema,
  type RouteDescription,
} from "../../src/api/description.ts";
import {
  type ContractInterface,
  type ContractMethod,
  describedSuffix,
  type PreparedSource,
  prepareSource,
} from "./contract-types.ts";
import { portableSchemas } from "./portable-schemas.ts";

// The compiler of the generator: the nodes of another one would not be its own.
const require = createRequire(createRequire(import.meta.url).resolve("ts-json-schema-generator"));
const typescript = require("typescript") as typeof ts;

const source = fileURLToPath(new URL("../../src/", import.meta.url));
const routesType = "HttpRoutes";

/** The interface of each kind of actor. */
const interfaceOfActor: Readonly<Record<string, string>> = {
  organization: "OrganizationActions",
  task: "TaskActions",
  repository: "RepositoryActions",
  session: "SessionActions",
  environment: "EnvironmentActions",
  group: "GroupActions",
  inbox: "InboxActions",
  drafts: "DraftsActions",
  schedules: "SchedulesActions",
  notifications: "NotificationActions",
  attention: "AttentionActions",
  administration: "AdministrationActions",
  usage: "UsageActions",
  billing: "BillingActions",
};

function contractFiles(): readonly string[] {
  const folder = join(source, "contract");
  const names = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  return [
    join(source, "contract.ts"),
    join(source, "api", "http-routes.ts"),
    join(source, "backend", "environment", "contract.ts"),
    join(source, "backend", "repositories", "contract.ts"),
    join(source, "groups", "contract.ts"),
    ...names.map((name) => join(folder, name)),
  ];
}

function createProgram(prepared: ReadonlyMap<string, PreparedSource>): ts.Program {
  const options: ts.CompilerOptions = {
    ...{ strict: true, noEmit: true, allowImportingTsExtensions: true, skipLibCheck: true },
    target: typescript.ScriptTarget.ESNext,
    module: typescript.ModuleKind.NodeNext,
    moduleResolution: typescript.ModuleResolutionKind.NodeNext,
  };
  const host = typescript.createCompilerHost(options);
  const read = host.readFile.bind(host);
  host.readFile = (path) => prepared.get(path)?.text ?? read(path);
  host.getSourceFile = (path, languageVersion) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : typescript.createSourceFile(path, text, languageVersion, true);
  };
  return typescript.createProgram([...prepared.keys()], options, host);
}

interface DescribedAction {
  readonly properties: {
    readonly args: JsonSchema;
    readonly output?: JsonSchema;
  };
}

function actionOf(method: ContractMethod, { properties }: DescribedAction): ActionDescription {
  const { args, output } = properties;
  const byName = (args["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  return {
    description: method.description,
    throws: method.throws,
    parameters: method.parameters,
    args: method.parameters.map(({ name }) => byName[name] ?? {}),
    ...(output === undefined ? {} : { output }),
  };
}

/** The methods of an interface and of those that it extends. */
function methodsOf(
  name: string,
  interfaces: ReadonlyMap<string, ContractInterface>,
): readonly { readonly of: string; readonly method: ContractMethod }[] {
  const found = interfaces.get(name);
  if (found === undefined) throw new Error(`The contract has no interface ${name}`);
  return [
    ...found.extends.flatMap((each) => methodsOf(each, interfaces)),
    ...found.methods.map((method) => ({ of: name, method })),
  ];
}

function routeOf(schema: JsonSchema): RouteDescription {
  const properties = schema["properties"] as Readonly<Record<string, JsonSchema | undefined>>;
  const { status, body, answer, type, answerType } = properties;
  const constant = (value: JsonSchema | undefined) => value?.["const"];
  return {
    summary: String(schema["description"] ?? ""),
    status: Number(constant(status) ?? 200),
    ...(body === undefined ? {} : { body }),
    ...(type === undefined ? {} : { bodyType: String(constant(type)) }),
    ...(answer === undefined ? {} : { answer }),
    ...(answerType === undefined ? {} : { answerType: String(constant(answerType)) }),
  };
}

function describe(): ApiDescription {
  const prepared = new Map(
    contractFiles().map((path) => [path, prepareSource(typescript, path, readFileSync(path, "utf8"))]),
  );
  const interfaces = new Map(
    [...prepared.values()].flatMap((each) => each.interfaces.map((found) => [found.name, found] as const)),
  );
  const program = createProgram(prepared);
  const config = {
    ...({ expose: "export", jsDoc: "extended", topRef: true, skipTypeCheck: true } as const),
    ...({ additionalProperties: true, sortProps: true, encodeRefs: false, functions: "fail" } as const),
    ...{ minify: false, markdownDescription: false, fullDescription: false, strictTuples: false },
    ...{ discriminatorType: "json-schema" as const, extraTags: [] },
  };
  // The same object: the generator's compiler has made it, and only its declarations lie in another folder.
  const own = program as unknown as Parameters<typeof createParser>[0];
  const generator = new SchemaGenerator(own, createParser(own, config), createFormatter(config), config);
  const roots = [...prepared.keys()].flatMap((path) =>
    (program.getSourceFile(path)?.statements ?? []).filter(
      (node): node is ts.InterfaceDeclaration =>
        typescript.isInterfaceDeclaration(node) &&
        (node.name.text.endsWith(`Actions${describedSuffix}`) || node.name.text === routesType),
    ),
  );
  const { definitions } = generator.createSchemaFromNodes(
    roots as unknown as Parameters<typeof generator.createSchemaFromNodes>[0],
  );
  const all = portableSchemas((definitions ?? {}) as Readonly<Record<string, JsonSchema>>);
  const propertiesOf = (name: string) =>
    (all[name]?.["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const actions = Object.entries(interfaceOfActor).flatMap(([actor, name]) =>
    methodsOf(name, interfaces).map(({ of, method }) => {
      const described = propertiesOf(`${of}${describedSuffix}`)[method.name] as unknown as DescribedAction;
      return [`${actor}.${method.name}`, actionOf(method, described)] as const;
    }),
  );
  const routes = Object.entries(propertiesOf(routesType)).map(([route, schema]) => [route, routeOf(schema)]);
  const schemas = Object.entries(all).filter(
    ([name]) => name !== routesType && !name.endsWith(describedSuffix),
  );
  return {
    version: 1,
    actions: Object.fromEntries(actions),
    routes: Object.fromEntries(routes),
    schemas: Object.fromEntries(schemas),
  };
}

const path = fileURLToPath(descriptionFile);
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, `${JSON.stringify(describe())}\n`);
