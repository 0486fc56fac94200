import jax
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.experimental import pallas

from runtime.preflight import flops_jax


def count(function, *shapes):
    arguments = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    return flops_jax.count(jax.make_jaxpr(function)(*arguments))


def test_a_matrix_product():
    assert count(jnp.matmul, (3, 5), (5, 7)) == 2 * 3 * 5 * 7


def test_a_batch_of_products():
    assert count(jnp.matmul, (4, 3, 5), (4, 5, 7)) == 4 * 2 * 3 * 5 * 7


def test_a_loop_counts_as_often_as_it_runs():
    def power(matrix):
        return lax.scan(lambda left, _: (left @ matrix, None), matrix, length=6)[0]

    assert count(power, (3, 3)) == 6 * 2 * 27
    assert count(jax.jit(power), (3, 3)) == 6 * 2 * 27


def test_the_gradient_of_a_product_is_two_more():
    def loss(left, right):
        return jnp.sum(left @ right)

    assert count(jax.value_and_grad(loss, argnums=(0, 1)), (8, 8), (8, 8)) == 3 * 1024


def test_the_dearer_branch_counts():
    def either(matrix):
        return lax.cond(matrix[0, 0] > 0, lambda m: m @ m, lambda m: m, matrix)

    assert count(either, (4, 4)) == 2 * 64


def test_a_convolution():
    def convolve(images, kernel):
        return lax.conv(images, kernel, (1, 1), "VALID")

    found = count(convolve, (2, 3, 8, 8), (5, 3, 2, 2))
    assert found == 2 * (2 * 5 * 7 * 7) * (3 * 2 * 2)


def test_elementwise_work_does_not_count():
    assert count(jnp.tanh, (100, 100)) == 0


def test_a_kernel_counts_as_often_as_its_grid_is_large():
    def product(left, right, found):
        found[...] = left[...] @ right[...]

    def tiled(left, right):
        return pallas.pallas_call(
            product,
            grid=(2, 3),
            in_specs=[
                pallas.BlockSpec((8, 16), lambda row, _: (row, 0)),
                pallas.BlockSpec((16, 8), lambda _, column: (0, column)),
            ],
            out_specs=pallas.BlockSpec((8, 8), lambda row, column: (row, column)),
            out_shape=jax.ShapeDtypeStruct((16, 24), np.float32),
        )(left, right)

    assert count(tiled, (16, 16), (16, 24)) == count(jnp.matmul, (16, 16), (16, 24))
