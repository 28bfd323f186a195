import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, TimeAgo } from "@holdfast/web-parts";
import type { ReactNode } from "react";
import { entryTitle } from "../../contract/inbox.ts";
import type { ForgeItem, InboxEntry } from "../../contract.ts";
import { useOpenItem } from "../shared/new-task/open-item.ts";

/** An entry about a pull request or an issue of a forge: what is asked, and where to do it. */
export function ItemPreview({
  entry,
  item,
  actions,
}: {
  readonly entry: InboxEntry;
  readonly item: ForgeItem;
  readonly actions: ReactNode;
}) {
  const open = useOpenItem();
  const kind = item.kind === "issue" ? "issue" : "pull request";
  const repository = { id: item.repositoryId, name: item.repository };
  return (
    <>
      <header className="inbox-preview-head">
        <h2>{visibleText(entryTitle(entry))}</h2>
        <p className="inbox-preview-meta muted">
          <span>{visibleText(item.repository)}</span>
          {item.author !== "" && <span>{visibleText(item.author)}</span>}
          <TimeAgo at={entry.bumpedAt} />
        </p>
        {actions}
      </header>
      <div className="inbox-outcome">
        <p className="notice">{visibleText(entry.text)}</p>
        <p className="notice-foot">
          <a className="button" href={item.webUrl} target="_blank" rel="noreferrer">
            Open the {kind}
          </a>
          <button
            type="button"
            className="button"
            disabled={open.isPending}
            onClick={() => open.mutate({ repository, kind: item.kind, number: item.number })}
          >
            New task on it
          </button>
        </p>
        {open.isError && <ErrorNotice error={open.error} title={`The ${kind} could not be read.`} />}
      </div>
    </>
  );
}
