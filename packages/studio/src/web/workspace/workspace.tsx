/**
 * Workspace of a task: the files, terminals and processes of its sandbox. Reaches them through the routes below
 * `/tasks/ID/sandbox/`, and imports no other room.
 */
import "./workspace.css";
import "../shared/diff/diff.css";
import "./previews/preview.css";
import { Empty, ErrorNotice, Loading, TabPanel, TabStrip, useMediaQuery } from "@holdfast/web-parts";
import { type FileRef, formatFileRef } from "@holdfast/web-parts/sandbox";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo } from "react";
import { Group, Panel, Separator } from "react-resizable-panels";
import type { TaskView } from "../../contract.ts";
import type { LineNote } from "../shared/review/line-notes.ts";
import { isBusy } from "../shared/status.tsx";
import { turnKey } from "../shared/turn-ends.ts";
import { useShowPlace, useWorkspaceNotes } from "./checks.ts";
import { DesktopOf } from "./desktop/desktop-of.tsx";
import { type Drafts, useDrafts } from "./files/drafts.ts";
import { FileView } from "./files/file-view.tsx";
import { FilesPane } from "./files/files-pane.tsx";
import { FileSourceProvider } from "./files/source/file-source.ts";
import { SavedNotice } from "./files/source/saved-notice.tsx";
import { useSavedFiles } from "./files/source/use-saved-files.ts";
import { type Tree, useTree } from "./files/use-tree.ts";
import { usePanes } from "./panes.ts";
import { PreviewPane } from "./previews/preview.tsx";
import { rootQuery } from "./queries.ts";
import { TaskSandbox, TaskSandboxProvider, workspaceRoot } from "./task-sandbox.ts";
import { Processes } from "./terminals/processes.tsx";
import { TerminalsOf, ToolsPane } from "./tools-pane.tsx";
import { useIsStopped } from "./use-is-stopped.ts";
import { useMayWrite } from "./use-may-write.ts";
import { useTaskState } from "./use-task-state.ts";
import { useWorkspaceChanges } from "./use-workspace-changes.ts";

interface WorkspaceProps {
  readonly task: TaskView;
  /** What the task's screen knows of the agent: its plan, and what it has used. */
  readonly agent: ReactNode;
  /** A line of a file to show; each object is shown once. */
  readonly place: { readonly path: string; readonly line: number } | undefined;
  /** Shows the result of a check. */
  readonly onCheck: (name: string) => void;
  /** Shows the conversation, where a prompt starts the sandbox. */
  readonly onPrompt: () => void;
}

export function Workspace(props: WorkspaceProps) {
  const { id } = props.task;
  const sandbox = useMemo(() => new TaskSandbox(location.origin, id), [id]);
  return (
    <TaskSandboxProvider value={sandbox}>
      <WorkspaceOf {...props} sandbox={sandbox} />
    </TaskSandboxProvider>
  );
}

function WorkspaceOf({
  task,
  agent,
  place,
  onCheck,
  onPrompt,
  sandbox,
}: WorkspaceProps & { readonly sandbox: TaskSandbox }) {
  const drafts = useDrafts(task.id);
  const root = useQuery(rootQuery(sandbox, isBusy(task.status)));
  const isStopped = useIsStopped(task.id, root);
  // An edit that is not saved stays with the file that it is about.
  const saved = useSavedFiles(task, isStopped && drafts.files.size === 0);
  const source = saved?.source ?? sandbox;
  const tree = useTree(task.id, source);
  const mayWrite = useMayWrite(task.id);
  const isNarrow = useMediaQuery("(max-width: 47.99rem)");
  const [shown, setShown] = useTaskState<Shown | null>(task.id, "shown", null);
  const [tab, setTab] = useTaskState<NarrowTab>(task.id, "tab", "files");
  const open = (next: Shown) => {
    setShown(() => next);
    setTab(() => "file");
  };
  const show = (file: FileRef, line?: number) => {
    tree.reveal(formatFileRef(file));
    open({ file, ...(line === undefined ? {} : { goTo: { line } }) });
  };
  useShowPlace(task.id, place, show);
  const notes = useWorkspaceNotes(task.id);
  useWorkspaceChanges(sandbox, root.isSuccess);
  const { data: entries, error, refetch } = root;
  const turn = turnKey(task);
  // A turn may be over before a poll has seen its sandbox.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the turn is what makes the answer old.
  useEffect(() => void refetch(), [turn, refetch]);
  if (entries === undefined && (error !== null || isStopped) && saved?.source === undefined) {
    if (saved?.isLoading === true) return <Loading label="Loading the files" rows={8} />;
    return isStopped ? (
      <Stopped task={task} onPrompt={onPrompt} />
    ) : (
      <ErrorNotice error={error} title="The files could not be loaded." />
    );
  }
  const parts = {
    tree,
    drafts,
    shown: shown ?? undefined,
    onShow: show,
    onPreview: (port: number) => open({ port }),
    onDesktop: () => open({ desktop: true }),
    onClose: () => setShown(() => null),
    mayWrite: mayWrite && saved?.source === undefined,
    hasSandbox: saved?.source === undefined,
    notes,
    onCheck,
  };
  return (
    <FileSourceProvider value={source}>
      <div className="work">
        {saved?.source !== undefined && <SavedNotice savedAt={saved.savedAt} onPrompt={onPrompt} />}
        {isStopped && saved?.source === undefined && (
          <p className="notice notice-warning work-stopped" role="status">
            The sandbox has stopped. What is shown is from before.{" "}
            <button type="button" className="link-button" onClick={onPrompt}>
              Send a prompt to start it again
            </button>
          </p>
        )}
        {isNarrow ? (
          <OnePane {...parts} chosen={tab} onTab={(next) => setTab(() => next)} />
        ) : (
          <AllPanes {...parts} />
        )}
        <div className="work-agent">{agent}</div>
      </div>
    </FileSourceProvider>
  );
}

/** A file, a port of which the preview is shown, or the desktop. */
type Shown =
  | { readonly file: FileRef; readonly goTo?: { readonly line: number } }
  | { readonly port: number }
  | { readonly desktop: true };

interface Parts {
  readonly tree: Tree;
  readonly drafts: Drafts;
  readonly shown: Shown | undefined;
  readonly onShow: (file: FileRef, line?: number) => void;
  readonly onPreview: (port: number) => void;
  readonly onDesktop: () => void;
  readonly onClose: () => void;
  readonly mayWrite: boolean;
  /** False while saved files are shown: then there are no terminals. */
  readonly hasSandbox: boolean;
  /** What failed checks say about lines, by the path in the workspace. */
  readonly notes: ReadonlyMap<string, readonly LineNote[]>;
  readonly onCheck: (name: string) => void;
}

const noNotes: readonly LineNote[] = [];

function ShownPane({ shown, drafts, mayWrite, hasSandbox, notes, onCheck, onClose, onShow }: Parts) {
  if (shown === undefined) return <Empty title="No file is open">Choose one from the list of files.</Empty>;
  if ("port" in shown && !hasSandbox)
    return <Empty title="No preview">Its program runs in the sandbox.</Empty>;
  if ("port" in shown) return <PreviewPane key={shown.port} port={shown.port} onClose={onClose} />;
  if ("desktop" in shown) {
    if (hasSandbox) return <DesktopOf mayWrite={mayWrite} />;
    return <Empty title="No desktop">It is a part of the sandbox.</Empty>;
  }
  const { file, goTo } = shown;
  const path = formatFileRef(file).slice(workspaceRoot.length + 1);
  return (
    <FileView
      key={file}
      {...{ file, goTo, drafts, onClose, onCheck }}
      notes={notes.get(path) ?? noNotes}
      onLine={(line) => onShow(file, line)}
      mayEdit={mayWrite}
    />
  );
}

function Files({ tree, drafts, shown, onShow }: Parts) {
  const file = shown !== undefined && "file" in shown ? shown.file : undefined;
  return <FilesPane tree={tree} shown={file} unsaved={drafts.files} onShow={onShow} />;
}

/** Panes beside each other, with borders that can be dragged or moved by the arrow keys. */
function AllPanes(parts: Parts) {
  const [panes, changePanes] = usePanes();
  const keepSizes = (group: string) => (layout: Readonly<Record<string, number>>) =>
    changePanes({ sizes: { [group]: layout } });
  return (
    <>
      <fieldset className="work-toggles" aria-label="Panes">
        <Toggle label="Files" isShown={panes.files} onChange={(files) => changePanes({ files })} />
        {parts.hasSandbox && (
          <>
            <Toggle label="Terminals" isShown={panes.tools} onChange={(tools) => changePanes({ tools })} />
            <Toggle
              label="Desktop"
              isShown={parts.shown !== undefined && "desktop" in parts.shown}
              onChange={(isShown) => (isShown ? parts.onDesktop() : parts.onClose())}
            />
          </>
        )}
      </fieldset>
      <Group
        className="work-panes"
        orientation="horizontal"
        defaultLayout={panes.sizes["columns"]}
        onLayoutChanged={keepSizes("columns")}
      >
        {panes.files && (
          <>
            <Panel id="files" defaultSize="24%" minSize="12rem" className="work-pane">
              <Files {...parts} />
            </Panel>
            <Separator className="work-separator" aria-label="Width of the files" />
          </>
        )}
        <Panel id="main" minSize="20rem" className="work-pane">
          <Group
            orientation="vertical"
            defaultLayout={panes.sizes["rows"]}
            onLayoutChanged={keepSizes("rows")}
          >
            <Panel id="file" minSize="8rem" className="work-pane">
              <ShownPane {...parts} />
            </Panel>
            {panes.tools && parts.hasSandbox && (
              <>
                <Separator className="work-separator" aria-label="Height of the terminals" />
                <Panel id="tools" defaultSize="40%" minSize="8rem" className="work-pane">
                  <ToolsPane mayWrite={parts.mayWrite} onPreview={parts.onPreview} />
                </Panel>
              </>
            )}
          </Group>
        </Panel>
      </Group>
    </>
  );
}

function Toggle({
  label,
  isShown,
  onChange,
}: {
  readonly label: string;
  readonly isShown: boolean;
  readonly onChange: (isShown: boolean) => void;
}) {
  return (
    <button
      type="button"
      className="button button-small"
      aria-pressed={isShown}
      onClick={() => onChange(!isShown)}
    >
      {label}
    </button>
  );
}

type NarrowTab = "files" | "file" | "terminals" | "processes" | "desktop";

const sandboxTabs = [
  { id: "terminals", label: "Terminals" },
  { id: "processes", label: "Processes" },
  { id: "desktop", label: "Desktop" },
] as const;

/** One pane at a time. */
function OnePane({
  chosen,
  onTab,
  ...parts
}: Parts & { readonly chosen: NarrowTab; readonly onTab: (tab: NarrowTab) => void }) {
  const tab = parts.hasSandbox || chosen === "file" ? chosen : "files";
  return (
    <>
      <TabStrip<NarrowTab>
        label="Panes"
        tabs={[
          { id: "files", label: "Files" },
          { id: "file", label: parts.shown !== undefined && "port" in parts.shown ? "Preview" : "File" },
          ...(parts.hasSandbox ? sandboxTabs : []),
        ]}
        tab={tab}
        onChange={onTab}
      />
      <TabPanel tab={tab} className="work-pane">
        {tab === "files" && <Files {...parts} />}
        {tab === "file" && <ShownPane {...parts} />}
        {tab === "terminals" && <TerminalsOf mayWrite={parts.mayWrite} />}
        {tab === "processes" && <Processes mayWrite={parts.mayWrite} onPreview={parts.onPreview} />}
        {tab === "desktop" && <DesktopOf mayWrite={parts.mayWrite} />}
      </TabPanel>
    </>
  );
}

function Stopped({ task, onPrompt }: Pick<WorkspaceProps, "task" | "onPrompt">) {
  if (task.status === "preparing") {
    return <Empty title="The sandbox is being prepared">Its files appear here when it has started.</Empty>;
  }
  return (
    <Empty title="The sandbox is not running">
      <p>It stops when its agent has been idle for some minutes, and its files are kept.</p>
      <p>
        <button type="button" className="button" onClick={onPrompt}>
          Send a prompt to start it again
        </button>
      </p>
    </Empty>
  );
}
