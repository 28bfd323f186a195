/** Saved views of the tasks, and the switch between list and board. */
import { AskButton, ConfirmButton, TrashIcon, useAnnounce } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import type { SavedView } from "../../../contract.ts";
import { useApi } from "../../shared/context.ts";
import { filterOf, isSameSearch, searchOf, type TaskSearch } from "../../shared/task-list/task-filter.ts";
import { viewsQuery } from "../queries.ts";

/** The views that this person has saved, and what can be done with the one that is shown. */
export function SavedViews({
  search,
  kind,
  onSearch,
}: {
  readonly search: TaskSearch;
  readonly kind: SavedView["kind"];
  readonly onSearch: (search: TaskSearch) => void;
}) {
  const api = useApi();
  const { data: views = [] } = useQuery(viewsQuery(api));
  const current = views.find((view) => isSameSearch(searchOf(view), { ...search, view: kind }));
  const isAll = isSameSearch({ ...search, view: kind }, { view: kind });
  if (views.length === 0 && isAll) return null;
  return (
    <nav className="saved-views" aria-label="Views">
      <ViewButton isCurrent={isAll} onClick={() => onSearch({})}>
        All tasks
      </ViewButton>
      {views.map((view) => (
        <ViewButton key={view.id} isCurrent={view === current} onClick={() => onSearch(searchOf(view))}>
          {view.name}
        </ViewButton>
      ))}
      {current === undefined && !isAll && <SaveButton views={views} search={search} kind={kind} />}
      {current !== undefined && <CurrentActions view={current} onDeleted={() => onSearch({})} />}
    </nav>
  );
}

function ViewButton({
  isCurrent,
  onClick,
  children,
}: {
  readonly isCurrent: boolean;
  readonly onClick: () => void;
  readonly children: string;
}) {
  return (
    <button
      type="button"
      className="saved-view"
      title={children}
      aria-current={isCurrent ? "true" : undefined}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

function SaveButton({
  views,
  search,
  kind,
}: {
  readonly views: readonly SavedView[];
  readonly search: TaskSearch;
  readonly kind: SavedView["kind"];
}) {
  const { organization } = useApi();
  const announce = useAnnounce();
  return (
    <AskButton
      className="link-button"
      label="Save this view"
      title="Save this view"
      field="Name (a view of the same name is replaced)"
      confirmLabel="Save"
      onConfirm={async (name) => {
        const id = views.find((view) => view.name === name)?.id ?? crypto.randomUUID();
        const { group } = search;
        await organization.saveView({
          ...{ id, name, kind, filter: filterOf(search) },
          ...(group === undefined ? {} : { group }),
        });
        announce("The view was saved.");
      }}
    />
  );
}

function CurrentActions({ view, onDeleted }: { readonly view: SavedView; readonly onDeleted: () => void }) {
  const { organization } = useApi();
  const announce = useAnnounce();
  return (
    <>
      <AskButton
        className="link-button"
        label="Rename"
        title="Rename this view"
        field="Name"
        initial={view.name}
        confirmLabel="Rename"
        onConfirm={async (name) => {
          await organization.saveView({ ...view, name });
          announce("The view was renamed.");
        }}
      />
      <ConfirmButton
        className="icon-button"
        label={<TrashIcon />}
        accessibleLabel={`Delete the view ${view.name}`}
        title="Delete this view?"
        confirmLabel="Delete the view"
        onConfirm={async () => {
          await organization.deleteView(view.id);
          onDeleted();
          announce("The view was deleted.");
        }}
      >
        <p>
          <strong>{view.name}</strong>. Its tasks stay.
        </p>
      </ConfirmButton>
    </>
  );
}
