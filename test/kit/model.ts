export { Model, type ModelBlock } from 'sabmalloc/testing';
