// A movie's poster, as the service has or draws it.

import { download } from "./api.js";
import { h } from "./dom.js";
import { signedIn } from "./shared.js";

/** @param {{movie_id: number}} movie @returns {HTMLImageElement} */
export function poster({ movie_id: id }) {
  const path = `/movies/${id}/poster`;
  const image = h("img.poster", { alt: "", loading: "lazy", decoding: "async", src: !signedIn() && path, "data-testid": "poster" });
  if (signedIn()) download(path).then((file) => (image.src = URL.createObjectURL(file)), () => {}); // an address alone goes without credentials
  return image;
}
