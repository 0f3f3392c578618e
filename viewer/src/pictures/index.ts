/** The chunk that makes pictures to take away. */

export { PicturesDialog } from "@/pictures/PicturesDialog";
