import { createReadStream } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type {
  ImportedOrganization,
  OrganizationDetails,
  OrganizationSummary,
} from "../../contract/people.ts";
import { type StudioRequests, withRequests } from "./studio-requests.ts";

export const organizationsUsage = `holdfast organizations list | create NAME | rename ID NAME | leave ID EMAIL | transfer ID FROM TO | delete ID
                    | export ID FILE | import FILE NAME

The organizations of the running Studio, which was started with --people. ID is the id or the name of one.

  list                 lists them
  create NAME          creates one and prints its id; invite its owner with "holdfast invite --organization"
  rename ID NAME       gives it another name
  leave ID EMAIL       lets a member leave
  transfer ID FROM TO  makes the member with the address TO an owner, and the owner FROM an admin
  delete ID            says what it has; with --confirm, deletes all of that, for good
    --confirm NAME       the name of the organization
  export ID FILE       writes all of it, without secrets and files of tasks, into a new file
  import FILE NAME     creates an organization with this name from such a file: all of it, or nothing
  --data DIR           data directory (default: HOLDFAST_DATA or .holdfast)
  --json               machine-readable output`;

const verbs = ["list", "create", "rename", "leave", "transfer", "delete", "export", "import"] as const;

/** What follows each verb. */
const argumentsOf: Readonly<Record<(typeof verbs)[number], readonly string[]>> = {
  list: [],
  create: ["NAME"],
  rename: ["ID", "NAME"],
  leave: ["ID", "EMAIL"],
  transfer: ["ID", "FROM", "TO"],
  delete: ["ID"],
  export: ["ID", "FILE"],
  import: ["FILE", "NAME"],
};

export async function organizationsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { confirm: { type: "string" } });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(organizationsUsage);
    return 0;
  }
  const verb = verbOf("organizations", verbs, given);
  const wanted = argumentsOf[verb];
  if (values.confirm !== undefined && verb !== "delete") throw new UsageError("--confirm is only for delete");
  if (rest.length < wanted.length) {
    const form = ["holdfast organizations", verb, ...wanted].join(" ");
    throw new UsageError(`${wanted[rest.length]} is missing: ${form}`);
  }
  noArguments(rest.slice(wanted.length));
  const isNew = verb === "list" || verb === "create" || verb === "import";
  const [first = "", second = "", third = ""] = rest;
  const at = { data: values.data, ...(isNew ? {} : { organization: first }) };
  const run = actionsOf({ first, second, third, confirm: values.confirm, json: values.json === true })[verb];
  return withRequests(at, run);
}

interface Given {
  readonly first: string;
  readonly second: string;
  readonly third: string;
  readonly confirm: string | undefined;
  readonly json: boolean;
}

type Action = (studio: StudioRequests) => Promise<number>;

function actionsOf({
  first,
  second,
  third,
  confirm,
  json,
}: Given): Readonly<Record<(typeof verbs)[number], Action>> {
  const say = (value: object, text: string) => {
    console.log(json ? jsonLine(value) : text);
    return 0;
  };
  return {
    async list({ ask }) {
      const { organizations } = await ask<{ readonly organizations: readonly OrganizationSummary[] }>(
        ...(["GET", "/people/organizations"] as const),
      );
      for (const { id, name } of organizations) say({ id, name }, `${id.padEnd(15)}  ${harmless(name)}`);
      return 0;
    },
    async create({ ask }) {
      const made = await ask<OrganizationSummary>("POST", "/people/organizations", { name: first });
      return say({ id: made.id, name: made.name }, made.id);
    },
    async rename({ ask, organization, organizationPath }) {
      await ask("PATCH", organizationPath, { name: second });
      return say({ id: organization, name: second }, `${organization} is ${harmless(second)} now.`);
    },
    async leave({ ask, member, organization, organizationPath }) {
      const { person } = await member(second);
      await ask("DELETE", `${organizationPath}/members/${person}`);
      return say({ id: organization, person, left: true }, `${harmless(second)} is no member any more.`);
    },
    async transfer({ ask, member, organization, organizationPath }) {
      const [from, to] = [(await member(second)).person, (await member(third)).person];
      await ask("POST", `${organizationPath}/transfer`, { from, to });
      return say({ id: organization, from, to }, `${harmless(third)} is an owner now.`);
    },
    async delete({ ask, organization, organizationPath }) {
      const found = await ask<OrganizationDetails>("GET", organizationPath);
      if (confirm === undefined) {
        say(found, contentsOf(found));
        process.stderr.write(
          `Nothing was deleted. To delete it, add: --confirm ${JSON.stringify(found.name)}\n`,
        );
        return 1;
      }
      await ask("DELETE", organizationPath, { name: confirm });
      return say({ ...found, id: organization, deleted: true }, `${harmless(found.name)} was deleted.`);
    },
    async export({ send, organization, organizationPath }) {
      const { body } = await send("GET", `${organizationPath}/export`);
      if (body === null) throw new HoldfastError("client", "network_error", "The server sent no file");
      try {
        // An existing file is kept, and the new one is the owner's alone: it has all transcripts.
        await writeFile(second, body, { flag: "wx", mode: 0o600 });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") await rm(second, { force: true });
        throw error;
      }
      return say({ id: organization, file: second }, `Written to ${harmless(second)}`);
    },
    async import({ send }) {
      const file = Readable.toWeb(createReadStream(first)) as ReadableStream<Uint8Array>;
      const path = `/people/organizations/import?name=${encodeURIComponent(second)}`;
      const made = (await (await send("POST", path, file)).json()) as ImportedOrganization;
      const { tasks, repositories, schedules, invitations, notCarried } = made.report;
      return say(
        made,
        [
          made.id,
          `  ${tasks} tasks, ${repositories} repositories, ${schedules} schedules (paused), ${invitations} invitations`,
          "Not carried:",
          ...notCarried.map((line) => `  ${harmless(line)}`),
        ].join("\n"),
      );
    },
  };
}

function contentsOf({
  name,
  tasks,
  activeTasks,
  repositories,
  schedules,
  members,
}: OrganizationDetails): string {
  return [
    harmless(name),
    `  ${tasks} tasks, ${activeTasks} of them running`,
    `  ${repositories} repositories`,
    `  ${schedules} schedules`,
    `  ${members} members`,
  ].join("\n");
}
