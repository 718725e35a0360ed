// The heat map over a frame, in the colours and on the absolute scale of the package's overlay (render/look.py).

/**
 * How strongly to draw each cell: 0 where it gets its even share of the looks or less, 255 where it gets `fullColour`
 * times that, on a logarithmic scale, so that frames and videos compare.
 */
export function levels({ values }, fullColour) {
  const steps = 255 / Math.log(fullColour);
  return Uint8ClampedArray.from(values, (share) => steps * Math.log(Math.max(share * values.length, 1)));
}

/** Draws heat maps, of any size, over what a canvas shows. */
export class HeatMap {
  /** @param {{colours: string, opaqueFrom: number}} look 256 colours as hexadecimal RGB; the level of full opacity */
  constructor({ colours, opaqueFrom }) {
    this.table = new Uint32Array(256);
    const bytes = new Uint8Array(this.table.buffer);
    for (let level = 0; level < 256; level += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        bytes[4 * level + channel] = parseInt(colours.substr(6 * level + 2 * channel, 2), 16);
      }
      bytes[4 * level + 3] = Math.round(255 * Math.min(level / 255 / opaqueFrom, 1));
    }
    this.canvas = new OffscreenCanvas(1, 1);
  }

  /** @param {Uint8ClampedArray} of levels, rows of cells @param {number} opacity of the colours where most look */
  draw(context, of, width, opacity) {
    const height = of.length / width;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pixels = new Uint32Array(of.length);
    for (let place = 0; place < of.length; place += 1) pixels[place] = this.table[of[place]];
    const small = this.canvas.getContext("2d");
    small.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width, height), 0, 0);
    context.save();
    Object.assign(context, { globalAlpha: opacity, imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
    context.drawImage(this.canvas, 0, 0, context.canvas.width, context.canvas.height);
    context.restore();
  }
}
