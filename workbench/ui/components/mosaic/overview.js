// Far away, a kernel is less than two pixels wide: then its strongest weight stands for
// it, one pixel a kernel, instead of an average that washes out and shimmers.

const FAR_PX = 2.2
const FAR_TEXT = "; from here a pixel is one kernel, by its strongest weight"

function far(view) {
  return view.plan.plain && view.plan.pw > 1 && view.plan.pw * view.scale < FAR_PX
}

// One pixel a kernel of a painted picture; made once a picture, when first needed.
function overview(view, picture, withMask) {
  if (picture.overview) return picture.overview
  const { head, weights, kept } = view.parts
  const { pw, ph } = view.plan
  const from = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height)
  const source = new Uint32Array(from.data.buffer)
  const canvas = document.createElement("canvas")
  canvas.width = head.i
  canvas.height = head.o
  const context = canvas.getContext("2d")
  const image = context.createImageData(head.i, head.o)
  const pixels = new Uint32Array(image.data.buffer)
  const size = head.kh * head.kw
  for (let kernel = 0; kernel < pixels.length; kernel++) {
    let best = 0
    let most = -1
    for (let k = 0; k < size; k++) {
      const n = kernel * size + k
      const strength = withMask && !kept(n) ? -1 : Math.abs(weights[n])
      if (strength > most) {
        most = strength
        best = k
      }
    }
    const x = (kernel % head.i) * pw + (best % head.kw)
    const y = Math.floor(kernel / head.i) * ph + Math.floor(best / head.kw)
    pixels[kernel] = source[y * picture.width + x]
  }
  context.putImageData(image, 0, 0)
  picture.overview = canvas
  return canvas
}
