import type { FsEntry } from "@holdfast/sandbox-client";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import {
  AskButton,
  ConfirmButton,
  Empty,
  ErrorNotice,
  FileIcon,
  FolderIcon,
  Loading,
  usePageTitle,
  useRows,
} from "@holdfast/web-parts";
import { formatBytes, formatDateTime } from "@holdfast/web-parts/format";
import {
  baseName,
  breadcrumbs,
  download,
  type FileRef,
  fileRefQuery,
  formatFileRef,
  join,
  toFileRef,
} from "@holdfast/web-parts/sandbox";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouteContext } from "@tanstack/react-router";
import { useApi } from "../../api/context.ts";
import { directoryQuery, keys } from "../../api/queries.ts";
import { DownloadButton } from "./download-button.tsx";
import { FileView } from "./file-view.tsx";
import { Upload } from "./upload.tsx";
import { useWatch } from "./use-watch.ts";

const route = getRouteApi("/files");

/** A directory, and one file of it. */
export function FilesScreen() {
  const { taskPath } = useRouteContext({ from: "__root__" });
  // A task works in the workspace of its jail; otherwise paths begin at HOME.
  const { path = taskPath === undefined ? "~" : "/workspace", file } = route.useSearch();
  usePageTitle(`Files in ${formatFileRef(path)}`);
  const api = useApi();
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(directoryQuery(api, path));
  useWatch(path);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1 className="visually-hidden">Files</h1>
          <Crumbs path={formatFileRef(path)} />
        </div>
        <div className="actions">
          <AskButton
            label="New folder"
            title="New folder"
            field="Name"
            confirmLabel="Create"
            onConfirm={async (name) => {
              await api.makeDirectory(join(path, name));
              await queries.invalidateQueries({ queryKey: keys.directory(path) });
            }}
          />
          <Upload directory={path} />
          <DownloadButton
            label="Download all"
            onDownload={() => download(api, path, baseName(formatFileRef(path)).replace("~", "home"), true)}
          />
        </div>
      </div>
      {data === undefined && error === null && <Loading label="Loading the files" rows={6} />}
      {error !== null && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && <Empty title="This folder is empty." />}
      {data !== undefined && data.length > 0 && (
        <FileTable key={path} directory={path} entries={data} shown={file} />
      )}
      {file !== undefined && <FileView key={file} fileRef={file} directory={path} />}
    </div>
  );
}

function Crumbs({ path }: { readonly path: string }) {
  const parts = breadcrumbs(path);
  const rooted = path.startsWith("/");
  return (
    <nav aria-label="Folder" className="crumbs">
      <ol>
        {rooted && (
          <li className="crumb-home">
            <Link to="/files" search={{ path: "~" }} activeOptions={{ exact: true }} aria-label="HOME">
              ~
            </Link>
          </li>
        )}
        {parts.map((part, index) => (
          // The root is its own slash.
          <li key={part.path} className={index > (rooted ? 1 : 0) ? "crumb-below" : undefined}>
            <Link
              to="/files"
              search={{ path: part.path }}
              aria-current={index === parts.length - 1 ? "location" : undefined}
            >
              {visibleText(part.name)}
            </Link>
          </li>
        ))}
      </ol>
    </nav>
  );
}

type Entry = FsEntry & { readonly pathBase64?: string };

function FileTable({
  directory,
  entries,
  shown,
}: {
  readonly directory: FileRef;
  readonly entries: readonly Entry[];
  readonly shown: FileRef | undefined;
}) {
  // Folders first; within both groups, the order of the server.
  const sorted = [
    ...entries.filter(({ entryType }) => entryType === "directory"),
    ...entries.filter(({ entryType }) => entryType !== "directory"),
  ];
  const { rows, more } = useRows(sorted);
  return (
    <div className="table-box">
      <table className="table" data-testid="files">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col" className="number">
              Size
            </th>
            <th scope="col">Changed</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((entry) => (
            <FileRow
              key={toFileRef(entry)}
              directory={directory}
              entry={entry}
              shown={toFileRef(entry) === shown}
            />
          ))}
        </tbody>
      </table>
      {more}
    </div>
  );
}

function FileRow({
  directory,
  entry,
  shown,
}: {
  readonly directory: FileRef;
  readonly entry: Entry;
  readonly shown: boolean;
}) {
  const isFolder = entry.entryType === "directory";
  const fileRef = toFileRef(entry);
  const name = visibleText(entry.name);
  return (
    <tr className={shown ? "row-shown" : undefined}>
      <td>
        <Link
          to="/files"
          search={isFolder ? { path: fileRef } : { path: directory, file: fileRef }}
          className="file-name"
          aria-current={shown || undefined}
        >
          {isFolder ? <FolderIcon /> : <FileIcon />}
          {name}
          {isFolder && <span className="visually-hidden">, folder</span>}
        </Link>
      </td>
      <td className="number">{isFolder ? "" : formatBytes(entry.size)}</td>
      <td className="muted small">
        {typeof entry.modified === "string" && formatDateTime(Date.parse(entry.modified))}
      </td>
      <td>
        <FileActions directory={directory} fileRef={fileRef} name={name} isFolder={isFolder} />
      </td>
    </tr>
  );
}

function FileActions({
  directory,
  fileRef,
  name,
  isFolder,
}: {
  readonly directory: FileRef;
  readonly fileRef: FileRef;
  readonly name: string;
  readonly isFolder: boolean;
}) {
  const api = useApi();
  const queries = useQueryClient();
  const refresh = () => queries.invalidateQueries({ queryKey: keys.directory(directory) });
  return (
    <div className="actions actions-end">
      <DownloadButton
        label="Download"
        accessibleLabel={`Download ${name}`}
        onDownload={() => download(api, fileRef, name, isFolder)}
      />
      {!fileRef.startsWith("base64:") && (
        <AskButton
          label="Move"
          accessibleLabel={`Move ${name}`}
          title={`Move or rename ${name}`}
          field="New path"
          initial={fileRef}
          confirmLabel="Move"
          onConfirm={async (to) => {
            await api.client.moveFs({ from: fileRef, to });
            await refresh();
          }}
        />
      )}
      <ConfirmButton
        label="Delete"
        accessibleLabel={`Delete ${name}`}
        title={`Delete ${name}?`}
        confirmLabel="Delete"
        onConfirm={async () => {
          const query = { ...fileRefQuery(fileRef), ...(isFolder ? { recursive: true } : {}) };
          await api.send("/v1/fs/entry", { method: "DELETE", query });
          await refresh();
        }}
      >
        <p>{isFolder ? "With everything in it. " : ""}This cannot be undone.</p>
      </ConfirmButton>
    </div>
  );
}
