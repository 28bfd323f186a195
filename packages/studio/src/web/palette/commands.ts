/** Command palette: tasks, screens and actions by what is typed. */
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import type { NavigateOptions } from "@tanstack/react-router";
import type { OrganizationSummary, Profile } from "../../contract/people.ts";
import type { TaskView } from "../../contract.ts";
import { hasAgent, isBusy } from "../../task-status.ts";
import type { GoScreenName } from "../shared/navigation/go-keys.ts";
import { currentOrganization, openOrganization } from "../shared/organizations/current.ts";
import { maySteer } from "../shared/organizations/queries.ts";
import type { StudioApi } from "../shared/port.ts";
import { requireDone } from "../shared/task-list/outcomes.ts";

export interface CommandContext {
  readonly api: StudioApi;
  /** The task on the page. */
  readonly task: TaskView | undefined;
  /** Whoever is signed in, where people have accounts. */
  readonly profile: Profile | undefined;
  /** Those of the person. */
  readonly organizations: readonly OrganizationSummary[];
  readonly typed: string;
  /** Writes the prompt of the form for a new task. */
  readonly draftPrompt: (prompt: string) => void;
}

/** Where to go after a command; undefined to stay. */
type Destination = Pick<NavigateOptions, "to" | "params" | "search" | "hash"> | undefined;

export interface Command {
  readonly group: "This task" | "Go to" | "Create";
  readonly title: (context: CommandContext) => string;
  /** Further words by which it is found. */
  readonly keywords?: string;
  /** The screen that it leads to, if keys lead there too. */
  readonly screen?: GoScreenName;
  /** Absent: always offered. */
  readonly isOffered?: (context: CommandContext) => boolean;
  /** True if what is typed is its input, so that it is offered whatever that is. */
  readonly takesText?: boolean;
  readonly run: (context: CommandContext) => Destination | Promise<Destination>;
  /** Announced when it has succeeded. */
  readonly done?: string;
}

const list: Destination = { to: "/" };

/** All commands, in the order in which the palette lists them. A room becomes reachable by a row here. */
export const commands: readonly Command[] = [
  {
    group: "This task",
    title: () => "Stop the agent",
    keywords: "cancel interrupt",
    isOffered: ({ task }) => task !== undefined && isBusy(task.status),
    run: ({ api, task }) => onTask(task, (id) => api.task(id).stop()),
    done: "Stopping.",
  },
  {
    group: "This task",
    title: () => "Open the changes",
    keywords: "diff review files",
    isOffered: ({ task }) => task !== undefined,
    run: ({ task }) => taskView(task, "changes"),
  },
  {
    group: "This task",
    title: () => "Open the workspace",
    keywords: "files editor terminal processes",
    isOffered: ({ task }) => task !== undefined,
    run: ({ task }) => taskView(task, "workspace"),
  },
  {
    group: "This task",
    title: () => "Edit the labels",
    keywords: "tags label add remove",
    isOffered: ({ task, profile }) => task !== undefined && maySteer(profile),
    run: ({ task }) => ({
      to: "/tasks/$taskId",
      params: { taskId: task?.id ?? "" },
      search: true,
      hash: "labels",
    }),
  },
  {
    group: "This task",
    title: () => "Archive the task",
    keywords: "done close",
    isOffered: ({ task }) => task !== undefined && !hasAgent(task),
    run: ({ api, task }) =>
      onTask(task, async (id) => requireDone(await api.organization.archiveTasks([id])), list),
    done: "The task was archived.",
  },
  {
    group: "This task",
    title: () => "Mark the task as unread",
    keywords: "later",
    isOffered: ({ task }) => task !== undefined,
    run: ({ api, task }) => onTask(task, (id) => api.organization.markTasks([id], "unread"), list),
    done: "The task is unread.",
  },
  {
    group: "Go to",
    title: () => "Inbox",
    screen: "inbox",
    keywords: "news unread attention",
    run: () => ({ to: "/inbox" }),
  },
  {
    group: "Go to",
    title: () => "Notifications",
    screen: "notifications",
    keywords: "settings push mail slack webhook quiet hours pause",
    run: () => ({ to: "/settings/notifications" }),
  },
  {
    group: "Go to",
    title: () => "Approvals",
    screen: "approvals",
    keywords: "questions permissions allow deny waiting",
    run: () => ({ to: "/inbox", search: { tab: "approvals" } }),
  },
  { group: "Go to", title: () => "Tasks", screen: "tasks", keywords: "list home", run: () => list },
  {
    group: "Go to",
    title: () => "Board of the tasks",
    keywords: "columns kanban view",
    run: () => ({ to: "/", search: { view: "board" } }),
  },
  {
    group: "Go to",
    title: () => "Tasks that need you",
    keywords: "waiting approvals questions",
    run: () => ({ to: "/", search: { status: "waiting" } }),
  },
  {
    group: "Go to",
    title: () => "Unread tasks",
    run: () => ({ to: "/", search: { unread: true } }),
  },
  {
    group: "Go to",
    title: () => "Archived tasks",
    run: () => ({ to: "/", search: { archived: true } }),
  },
  {
    group: "Go to",
    title: () => "Repositories",
    screen: "repositories",
    keywords: "connect github gitlab gitea git pull requests webhooks",
    run: () => ({ to: "/repositories" }),
  },
  {
    group: "Go to",
    title: () => "Schedules",
    screen: "schedules",
    keywords: "cron prompts times",
    run: () => ({ to: "/schedules" }),
  },
  {
    group: "Go to",
    title: () => "Actors",
    screen: "actors",
    keywords: "inspector state sqlite",
    isOffered: ({ profile }) => profile?.isOperator !== false,
    run: () => ({ to: "/inspector" }),
  },
  {
    group: "Go to",
    title: () => "Usage",
    screen: "usage",
    keywords: "cost tokens money chart",
    run: () => ({ to: "/usage" }),
  },
  {
    group: "Go to",
    title: () => "Budgets",
    keywords: "limits cost money usage",
    run: () => ({ to: "/usage", search: { tab: "budgets" } }),
  },
  {
    group: "Go to",
    title: () => "Settings",
    screen: "settings",
    keywords: "connections check models mail store",
    run: () => ({ to: "/settings" }),
  },
  {
    group: "Go to",
    title: () => "Secrets",
    keywords: "credentials tokens vault settings",
    run: () => ({ to: "/settings/secrets" }),
  },
  {
    group: "Go to",
    title: () => "Policy",
    keywords: "rules allow deny tools settings",
    run: () => ({ to: "/settings/policy" }),
  },
  {
    group: "Go to",
    title: () => "Audit log",
    keywords: "records verify who settings",
    run: () => ({ to: "/settings/audit" }),
  },
  {
    group: "Go to",
    title: () => "System",
    screen: "system",
    keywords: "status health nodes agents checks",
    run: () => ({ to: "/system" }),
  },
  {
    group: "Go to",
    title: () => "People",
    screen: "people",
    keywords: "members invitations roles",
    isOffered: ({ profile }) => profile !== undefined,
    run: () => ({ to: "/people" }),
  },
  {
    group: "Go to",
    title: () => "Organization",
    keywords: "settings name create rename delete leave hand over switch",
    isOffered: ({ profile }) => profile !== undefined,
    run: () => ({ to: "/settings/organization" }),
  },
  {
    group: "Go to",
    title: () => "Account",
    keywords: "sessions tokens sign out",
    isOffered: ({ profile }) => profile !== undefined,
    run: () => ({ to: "/account" }),
  },
  {
    group: "Go to",
    title: () => "Environment of the task's repository",
    keywords: "setup steps snapshot",
    isOffered: ({ task }) => task !== undefined,
    run: ({ task }) => ({ to: "/environment", search: { repository: task?.repository ?? "" } }),
  },
  {
    group: "Create",
    title: ({ typed }) => (typed === "" ? "New task" : `New task: ${typed}`),
    takesText: true,
    run: ({ typed, draftPrompt }) => {
      if (typed !== "") draftPrompt(typed);
      return { to: "/", hash: "new-task" };
    },
  },
];

/** A command for each other organization of the person. */
export function organizationCommands({ organizations }: CommandContext): readonly Command[] {
  return organizations
    .filter(({ id }) => id !== currentOrganization())
    .map(({ id, name }) => ({
      group: "Go to",
      title: () => `Organization ${visibleText(name)}`,
      keywords: `switch team ${id}`,
      run: () => {
        openOrganization(id);
        return undefined;
      },
    }));
}

/** The commands that are offered for what was typed: each word is in the title or in the keywords. */
export function offeredCommands(all: readonly Command[], context: CommandContext): readonly Command[] {
  const words = context.typed.toLowerCase().split(/\s+/);
  return all.filter((command) => {
    if (command.isOffered?.(context) === false) return false;
    if (command.takesText === true) return true;
    const text = `${command.title(context)} ${command.keywords ?? ""}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function taskView(task: TaskView | undefined, view: "changes" | "workspace"): Destination {
  return { to: "/tasks/$taskId", params: { taskId: task?.id ?? "" }, search: { view } };
}

async function onTask(
  task: TaskView | undefined,
  action: (id: string) => Promise<unknown>,
  next?: Destination,
): Promise<Destination> {
  if (task !== undefined) await action(task.id);
  return next;
}
