import "./palette.css";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, useAnnounce, useDebounced } from "@holdfast/web-parts";
import { keepPreviousData, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { TaskSummary, TaskView } from "../../contract.ts";
import { baseName } from "../shared/base-name.ts";
import { useApi } from "../shared/context.ts";
import { goScreens } from "../shared/navigation/go-keys.ts";
import { taskDraft } from "../shared/new-task/task-draft.ts";
import { useOrganizations } from "../shared/organizations/queries.ts";
import { useProfile } from "../shared/people.ts";
import type { StudioApi } from "../shared/port.ts";
import { StatusPill } from "../shared/status.tsx";
import {
  type Command,
  type CommandContext,
  commands,
  offeredCommands,
  organizationCommands,
} from "./commands.ts";

/** Tasks that are offered. More are asked for, because those with the words in their title come first. */
const maxTasks = 8;
const askedTasks = 40;
const searchDelayMs = 120;

/** A line that can be chosen. */
type Choice =
  | { readonly kind: "command"; readonly group: string; readonly command: Command }
  | { readonly kind: "task"; readonly group: string; readonly task: TaskSummary };

/** A dialog with one field: what is typed selects tasks, screens and actions. */
export function Palette({ onClose }: { readonly onClose: () => void }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(0);
  const context = useCommandContext(typed.trim());
  const searched = useDebounced(context.typed, searchDelayMs);
  const found = useQuery(foundTasksQuery(context.api, searched));
  const isSettled = searched === context.typed && !found.isFetching;
  // Enter was pressed before the tasks for these words were known.
  const [entered, setEntered] = useState(false);
  const choices = useMemo(() => choicesOf(context, found.data ?? []), [context, found.data]);
  const run = useRun(context, () => dialog.current?.close());
  const active = Math.min(chosen, choices.length - 1);

  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
  }, []);
  useEffect(() => {
    document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [id, active]);

  const { mutate, isPending } = run;
  useEffect(() => {
    if (!entered || !isSettled) return;
    setEntered(false);
    if (!isPending) mutate(choices[active]);
  }, [entered, isSettled, isPending, mutate, choices, active]);

  const press = (event: KeyboardEvent) => {
    // An input method is composing a character.
    if (event.nativeEvent.isComposing) return;
    const next = nextIndex(event.key, active, choices.length);
    if (next !== undefined) setChosen(next);
    else if (event.key !== "Enter") return;
    else setEntered(true);
    event.preventDefault();
  };
  return (
    <dialog ref={dialog} className="dialog palette" aria-label="Commands" onClose={onClose}>
      <input
        className="palette-field"
        type="text"
        role="combobox"
        aria-label="Find a task or a command"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={choices.length === 0 ? undefined : `${id}-${active}`}
        placeholder="Find a task or a command"
        autoFocus
        value={typed}
        maxLength={200}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => {
          setTyped(event.target.value);
          setChosen(0);
          setEntered(false);
        }}
        onKeyDown={press}
      />
      <div id={`${id}-list`} role="listbox" aria-label="Tasks and commands" className="palette-list">
        {groupsOf(choices).map(([group, members]) => (
          // biome-ignore lint/a11y/useSemanticElements: groups of a listbox have no element of their own
          <div key={group} role="group" aria-labelledby={`${id}-${group}`}>
            <div id={`${id}-${group}`} className="palette-group" role="presentation">
              {group}
            </div>
            {members.map(([choice, index]) => (
              // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus, and names the active option
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
              <div
                key={keyOf(choice, context)}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === active}
                className="palette-option"
                onMouseMove={() => setChosen(index)}
                onClick={() => !isPending && mutate(choice)}
              >
                <ChoiceText choice={choice} context={context} />
              </div>
            ))}
          </div>
        ))}
      </div>
      {run.isError && <ErrorNotice error={run.error} title="That was not possible." />}
      {found.isError && <ErrorNotice error={found.error} title="Tasks could not be searched." />}
      <p className="palette-foot" role="status">
        {!isSettled && typed !== "" ? "Searching…" : countText(choices)}
      </p>
    </dialog>
  );
}

function useCommandContext(typed: string): CommandContext {
  const api = useApi();
  const queries = useQueryClient();
  const profile = useProfile();
  const organizations = useOrganizations();
  const path = useRouterState({ select: ({ location }) => location.pathname });
  return useMemo(() => {
    const taskId = /^\/tasks\/([^/]+)/.exec(path)?.[1];
    const task = taskId === undefined ? undefined : queries.getQueryData<TaskView>(["task", taskId]);
    return { api, task, profile, organizations, typed, draftPrompt };
  }, [api, queries, path, profile, organizations, typed]);
}

function draftPrompt(prompt: string): void {
  taskDraft().change((known) => ({ ...known, prompt }));
}

/** Newest tasks, or those that have the words: in their titles first. */
function foundTasksQuery(api: StudioApi, search: string) {
  return queryOptions({
    queryKey: ["found-tasks", search],
    async queryFn(): Promise<readonly TaskSummary[]> {
      const { tasks, matches } = await api.organization.listTasks(
        search === "" ? { limit: maxTasks } : { search, limit: askedTasks },
      );
      const inTitle = ({ id }: TaskSummary) => (matches?.[id]?.kind === "title" ? 0 : 1);
      return [...tasks].sort((a, b) => inTitle(a) - inTitle(b)).slice(0, maxTasks);
    },
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

/** Runs a choice, closes the dialog, and goes where it leads. */
function useRun(context: CommandContext, close: () => void) {
  const navigate = useNavigate();
  const announce = useAnnounce();
  return useMutation({
    async mutationFn(choice: Choice | undefined) {
      if (choice === undefined) return;
      const destination =
        choice.kind === "command"
          ? await choice.command.run(context)
          : ({ to: "/tasks/$taskId", params: { taskId: choice.task.id } } as const);
      // The closed dialog returns the focus first; the new screen may take it then.
      close();
      if (choice.kind === "command" && choice.command.done !== undefined) announce(choice.command.done);
      if (destination !== undefined) await navigate(destination);
    },
  });
}

function choicesOf(context: CommandContext, tasks: readonly TaskSummary[]): readonly Choice[] {
  const all = [...commands, ...organizationCommands(context)];
  const offered = offeredCommands(all, context).map(
    (command): Choice => ({ kind: "command", group: command.group, command }),
  );
  const last = offered.filter(({ group }) => group === "Create");
  return [
    ...offered.filter(({ group }) => group !== "Create"),
    ...tasks.map(
      (task): Choice => ({ kind: "task", group: context.typed === "" ? "Newest tasks" : "Tasks", task }),
    ),
    ...last,
  ];
}

function groupsOf(choices: readonly Choice[]): readonly [string, readonly [Choice, number][]][] {
  const groups = new Map<string, [Choice, number][]>();
  for (const [index, choice] of choices.entries()) {
    const members = groups.get(choice.group) ?? [];
    members.push([choice, index]);
    groups.set(choice.group, members);
  }
  return [...groups];
}

function ChoiceText({ choice, context }: { readonly choice: Choice; readonly context: CommandContext }) {
  if (choice.kind === "command") {
    const { screen } = choice.command;
    return (
      <>
        <span className="palette-title">{choice.command.title(context)}</span>
        {screen !== undefined && (
          <span className="palette-keys">
            <kbd>G</kbd> <kbd>{goScreens[screen].key.toUpperCase()}</kbd>
          </span>
        )}
      </>
    );
  }
  const { title, repository, status } = choice.task;
  return (
    <>
      <span className="palette-title">{visibleText(title)}</span>
      <span className="palette-fact">{baseName(repository)}</span>
      <StatusPill status={status} />
    </>
  );
}

function keyOf(choice: Choice, context: CommandContext): string {
  if (choice.kind === "task") return choice.task.id;
  const { command, group } = choice;
  // Names of organizations may be the same, and their ids are among the keywords.
  return `${group} ${command.takesText === true ? "" : command.title(context)} ${command.keywords ?? ""}`;
}

/** Where a key moves the active option; undefined for other keys. It goes round at both ends. */
function nextIndex(key: string, from: number, count: number): number | undefined {
  if (key === "ArrowDown") return (from + 1) % Math.max(1, count);
  if (key === "ArrowUp") return (from - 1 + count) % Math.max(1, count);
  return undefined;
}

function countText(choices: readonly Choice[]): string {
  return choices.length === 1 ? "1 result" : `${choices.length} results`;
}
