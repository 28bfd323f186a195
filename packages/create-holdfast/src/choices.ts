import { basename, resolve } from "node:path";
import { cancel, confirm, isCancel, select, text } from "@clack/prompts";
import { didYouMean, parseStrict, UsageError } from "@holdfast/cli";
import { CreateError, checkDirectory } from "./create-project.ts";
import { isTemplate, type TemplateName, templates } from "./templates.ts";

export const usage = `npm create holdfast@latest [DIRECTORY] -- [options]

  Begins a project in a new folder. What the options do not say is asked at a terminal.

  --template NAME  ${templates.map(({ name }) => name).join(", ")}
  --yes            asks nothing: takes "empty" if no template is named, and installs the packages
  --no-install     does not install the packages
  --help           prints this`;

/** What is to be made. */
export interface Choices {
  readonly directory: string;
  readonly template: TemplateName;
  readonly installs: boolean;
}

const options = {
  template: { type: "string", short: "t" },
  yes: { type: "boolean", short: "y" },
  "no-install": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

/** Reads the command line, and asks for what it leaves open. Undefined if help was asked for, or a question was left. */
export async function readChoices(
  args: readonly string[],
  isTerminal: boolean,
): Promise<Choices | undefined> {
  const { values, positionals } = parseStrict(args, options);
  if (values.help === true) {
    console.log(usage);
    return undefined;
  }
  const [given, unexpected] = positionals;
  if (unexpected !== undefined) throw new UsageError(`"${unexpected}" is one argument too many`);
  const named = values.template === undefined ? undefined : templateOf(values.template);
  const asks = values.yes !== true && isTerminal;
  if (given !== undefined) checkDirectory(resolve(given));
  if (!asks) {
    if (given === undefined)
      throw new UsageError("The folder is missing: npm create holdfast@latest my-app -- --yes");
    return {
      directory: resolve(given),
      template: named ?? "empty",
      installs: values["no-install"] !== true,
    };
  }
  const directory = given ?? (await askDirectory());
  const template = directory === undefined ? undefined : (named ?? (await askTemplate()));
  if (directory === undefined || template === undefined) return undefined;
  const installs = values["no-install"] === true ? false : await askInstall(directory);
  if (installs === undefined) return undefined;
  return { directory: resolve(directory), template, installs };
}

function templateOf(name: string): TemplateName {
  if (isTemplate(name)) return name;
  const names = templates.map((template) => template.name);
  throw new UsageError(
    `There is no template "${name}".${didYouMean(name, names)} There are ${names.join(", ")}.`,
  );
}

async function askDirectory(): Promise<string | undefined> {
  return answered(
    await text({
      message: "In which folder?",
      placeholder: "my-app",
      defaultValue: "my-app",
      validate(value) {
        try {
          checkDirectory(resolve(value || "my-app"));
        } catch (error) {
          if (error instanceof CreateError) return error.message;
          throw error;
        }
      },
    }),
  );
}

async function askTemplate(): Promise<TemplateName | undefined> {
  const choices = templates.map(({ name, title, hint }) => ({ value: name, label: title, hint }));
  return answered(await select({ message: "What will it be?", options: choices }));
}

async function askInstall(directory: string): Promise<boolean | undefined> {
  return answered(await confirm({ message: `Install the packages in ${basename(directory)}?` }));
}

/** Undefined if the person left the question with Control-C. */
function answered<Value>(value: Value): Exclude<Value, symbol> | undefined {
  if (!isCancel(value)) return value as Exclude<Value, symbol>;
  cancel("Nothing was made.");
  return undefined;
}
