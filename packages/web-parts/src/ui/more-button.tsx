interface Pages {
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  readonly fetchNextPage: () => Promise<unknown>;
}

/** Loads the next page of a list; renders nothing if there is none. */
export function MoreButton({ pages, label }: { readonly pages: Pages; readonly label: string }) {
  if (!pages.hasNextPage) return null;
  return (
    <button
      type="button"
      className="button more-button"
      disabled={pages.isFetchingNextPage}
      onClick={() => void pages.fetchNextPage()}
    >
      {pages.isFetchingNextPage ? "Loading…" : label}
    </button>
  );
}
