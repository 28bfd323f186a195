import type { DiffFile, ReviewComment } from "../../../contract.ts";
import type { LineNote } from "../../shared/review/line-notes.ts";
import type { LineRange } from "../comments/locate.ts";
import type { Layout } from "../lines/row.tsx";
import type { ReviewControls } from "../review-query.ts";
import type { PlaceInFile } from "./use-place-in-file.ts";

export interface FileSectionProps {
  readonly file: DiffFile;
  readonly id: string;
  /** A line of the new side, or a comment, to scroll to; each object scrolls once. */
  readonly goTo: PlaceInFile | undefined;
  readonly open: boolean;
  readonly viewed: boolean;
  readonly layout: Layout;
  readonly comments: readonly ReviewComment[];
  /** What failed checks say about lines of its new side. */
  readonly notes: readonly LineNote[];
  readonly review: ReviewControls;
  /** Lines that are being commented on. Kept outside, because a section out of view is unmounted. */
  readonly editor: LineRange | undefined;
  readonly onEditor: (path: string, range: LineRange | undefined) => void;
  readonly onOpen: (path: string, open: boolean) => void;
  readonly onViewed: (file: DiffFile, viewed: boolean) => void;
}
