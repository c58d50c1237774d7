export { aligned, conserved, empty, type Extent, fits, noOverlap, sameBlocks, walk } from 'sabmalloc/testing';
